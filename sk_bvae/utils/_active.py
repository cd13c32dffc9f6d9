"""When a latent counts as active, for estimators, metrics and displays alike."""

# KL from the prior in nats, on average over the rows. The published implementation of
# UDR calls a latent informative that has more.
ACTIVE_NATS = 0.01
