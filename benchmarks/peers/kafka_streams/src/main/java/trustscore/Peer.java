package trustscore;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.ReadOnlyWindowStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * Kafka Streams at the same work: one-minute event-time windows per provider with count, successes and sum of
 * latencies, of JSON reports.
 *
 * <p>Like our fold it keeps a partial window per source partition, so nothing is repartitioned. The state is an
 * in-memory window store with cache and changelog; the JSON is read by Jackson's streaming parser, of which only four
 * fields are looked at.
 *
 * <p>Threads count for themselves and tell the sum every thousand reports, or 20 ms after the last one, so that nothing
 * is shared per report. At the end the store itself is read: what lies in its windows must be every report.
 *
 * <p>Arguments: broker, reports, threads. Prints one line of JSON.
 */
public final class Peer {
  private static final long MINUTE_MS = 60_000;
  private static final String STORE = "windows";

  private Peer() {}

  public static void main(String[] arguments) throws Exception {
    String broker = arguments[0];
    long wanted = Long.parseLong(arguments[1]);
    int threads = Integer.parseInt(arguments[2]);
    Progress progress = new Progress(wanted);

    StoreBuilder<WindowStore<String, byte[]>> store =
        Stores.windowStoreBuilder(
                Stores.inMemoryWindowStore(STORE, Duration.ofHours(2), Duration.ofMinutes(1), false),
                Serdes.String(),
                Serdes.ByteArray())
            .withCachingEnabled()
            .withLoggingEnabled(Map.of());
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(store);
    builder.stream("trust.reports", Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .process(() -> new Fold(progress), STORE);

    try (KafkaStreams streams = new KafkaStreams(builder.build(), properties(broker, threads))) {
      streams.setUncaughtExceptionHandler(
          error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return null;
          });
      streams.start();
      progress.done.await();
      Totals held = held(streams);
      double seconds = (progress.lastNs - progress.firstNs.get()) / 1e9;
      double cpu = (progress.lastCpuNs - progress.firstCpuNs) / 1e9;
      System.out.printf(
          Locale.ROOT,
          "{\"reports\": %d, \"seconds\": %.3f, \"cpu_s\": %.2f, \"successes\": %d, \"latency_us\": %d}%n",
          held.count, seconds, cpu, held.successes, held.latencyUs);
      streams.close(Duration.ofSeconds(10));
    }
  }

  private static Properties properties(String broker, int threads) throws IOException {
    Properties p = new Properties();
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, "peer-" + System.nanoTime());
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker);
    p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, threads);
    p.put(StreamsConfig.STATE_DIR_CONFIG, Files.createTempDirectory("kafka-streams-peer").toString());
    p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 2_000);
    p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L << 20);
    p.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 20_000);
    p.put(StreamsConfig.METRICS_RECORDING_LEVEL_CONFIG, "INFO");
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 20_000);
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MAX_BYTES_CONFIG), 32 << 20);
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 8 << 20);
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.RECEIVE_BUFFER_CONFIG), 1 << 20);
    p.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 20);
    p.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
    return p;
  }

  /** Sums over every window of every partition, cache included. */
  private static Totals held(KafkaStreams streams) {
    Totals totals = new Totals();
    ReadOnlyWindowStore<String, byte[]> store =
        streams.store(StoreQueryParameters.fromNameAndType(STORE, QueryableStoreTypes.windowStore()));
    try (KeyValueIterator<Windowed<String>, byte[]> windows = store.all()) {
      while (windows.hasNext()) {
        ByteBuffer sums = ByteBuffer.wrap(windows.next().value);
        totals.count += sums.getLong(0);
        totals.successes += sums.getLong(8);
        totals.latencyUs += sums.getLong(16);
      }
    }
    return totals;
  }

  private static final class Totals {
    long count;
    long successes;
    long latencyUs;
  }

  /** Counts what all threads have folded, and remembers when the first and the last report came. */
  private static final class Progress {
    final long wanted;
    final AtomicLong firstNs = new AtomicLong();
    final AtomicLong seen = new AtomicLong();
    final CountDownLatch done = new CountDownLatch(1);
    volatile long firstCpuNs;
    volatile long lastNs;
    volatile long lastCpuNs;

    Progress(long wanted) {
      this.wanted = wanted;
    }

    void began() {
      if (firstNs.get() == 0 && firstNs.compareAndSet(0, System.nanoTime())) {
        firstCpuNs = cpuNs();
      }
    }

    void add(int reports) {
      if (seen.addAndGet(reports) >= wanted && done.getCount() > 0) {
        lastNs = System.nanoTime();
        lastCpuNs = cpuNs();
        done.countDown();
      }
    }

    private static long cpuNs() {
      return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
          .getProcessCpuTime();
    }
  }

  private static final class Fold implements Processor<byte[], byte[], Void, Void> {
    private static final int TELL_EVERY = 1_000;
    private static final Duration TELL_AFTER = Duration.ofMillis(20);

    private final JsonFactory json = JsonFactory.builder().enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER).build();
    private final Progress progress;
    private WindowStore<String, byte[]> store;
    private String provider;
    private String outcome;
    private double timestampS;
    private double latencyMs;
    private int untold;

    Fold(Progress progress) {
      this.progress = progress;
    }

    @Override
    public void init(ProcessorContext<Void, Void> context) {
      store = context.getStateStore(STORE);
      context.schedule(TELL_AFTER, PunctuationType.WALL_CLOCK_TIME, now -> tell());
    }

    private void tell() {
      if (untold > 0) {
        progress.add(untold);
        untold = 0;
      }
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      if (untold == 0) {
        progress.began();
      }
      parse(record.value());
      boolean success = "success".equals(outcome);
      long latencyUs = Math.round(latencyMs * 1_000);
      long window = (long) (timestampS * 1_000) / MINUTE_MS * MINUTE_MS;
      byte[] held = store.fetch(provider, window);
      ByteBuffer next = ByteBuffer.allocate(24);
      ByteBuffer old = held == null ? null : ByteBuffer.wrap(held);
      next.putLong(1 + (old == null ? 0 : old.getLong(0)));
      next.putLong((success ? 1 : 0) + (old == null ? 0 : old.getLong(8)));
      next.putLong(latencyUs + (old == null ? 0 : old.getLong(16)));
      store.put(provider, next.array(), window);
      if (++untold == TELL_EVERY) {
        tell();
      }
    }

    private void parse(byte[] value) {
      provider = outcome = null;
      timestampS = latencyMs = 0;
      try (JsonParser parser = json.createParser(value)) {
        parser.nextToken();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String name = parser.currentName();
          parser.nextToken();
          switch (name) {
            case "provider_id" -> provider = parser.getText();
            case "outcome" -> outcome = parser.getText();
            case "timestamp" -> timestampS = parser.getDoubleValue();
            case "latency_ms" -> latencyMs = parser.getDoubleValue();
            default -> parser.skipChildren();
          }
        }
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }
  }
}
