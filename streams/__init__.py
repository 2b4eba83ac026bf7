"""The worker: reports from Kafka into panes, scores and the lake."""
