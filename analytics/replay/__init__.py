"""Reports from files to Kafka: read and checked line by line, sent in batches, counted when acknowledged.

``sources`` reads files, ``shift`` moves them in time, ``sending`` paces and counts, ``publisher`` speaks to Kafka.
"""
