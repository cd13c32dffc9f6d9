"""How any model of players is trained, alone or in a stack.

The package is the wall: what is inside has plain names, and nothing of it is public.
"""
