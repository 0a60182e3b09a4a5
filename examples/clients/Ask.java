// Five questions to Tidemill with kafka-clients: java -cp 'JARS/*' Ask.java BROKER TOPIC REPLY_TOPIC REPLY_PARTITION

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.*;

public class Ask {
    final Map<String, CompletableFuture<ConsumerRecord<byte[], byte[]>>> waiting = new ConcurrentHashMap<>();
    final AtomicInteger ignored = new AtomicInteger();
    final Producer<byte[], byte[]> producer;
    final String topic, replyTopic;
    final int partition;

    Ask(String broker, String topic, String replyTopic, int partition) {
        this.topic = topic;
        this.replyTopic = replyTopic;
        this.partition = partition;
        Map<String, Object> own = Map.of("bootstrap.servers", broker, "isolation.level", "read_committed");
        producer = new KafkaProducer<>(own, new ByteArraySerializer(), new ByteArraySerializer());
        var consumer = new KafkaConsumer<>(own, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        var replies = List.of(new TopicPartition(replyTopic, partition));
        consumer.assign(replies);   // no group: one partition, from its end as it is before the first question
        consumer.seekToEnd(replies);
        consumer.position(replies.get(0));
        var reading = new Thread(() -> {
            while (true) consumer.poll(Duration.ofSeconds(1)).forEach(this::take);
        });
        reading.setDaemon(true);
        reading.start();
    }

    void take(ConsumerRecord<byte[], byte[]> reply) {
        var asked = waiting.remove(text(reply.headers(), "correlation-id"));
        if (asked != null) asked.complete(reply);
        else ignored.incrementAndGet();   // another's, a repetition, or one that nobody waits for any more
    }

    /** Returns "ok" and the result in hexadecimal, the code of an error, or "no_reply". */
    String ask(byte[] body, long timeoutMs, long waitMs, int times) throws Exception {
        var identity = UUID.randomUUID().toString();
        var asked = new CompletableFuture<ConsumerRecord<byte[], byte[]>>();
        waiting.put(identity, asked);
        for (int sent = 0; sent < times; sent++) {
            var request = new ProducerRecord<byte[], byte[]>(topic, body);
            request.headers().add("correlation-id", identity.getBytes()).add("reply-to", replyTopic.getBytes())
                .add("kafka_replyPartition", ByteBuffer.allocate(4).putInt(partition).array())
                .add("content-type", "application/octet-stream".getBytes())
                .add("timeout-ms", Long.toString(timeoutMs).getBytes());
            producer.send(request);
        }
        try {
            var reply = asked.get(waitMs, TimeUnit.MILLISECONDS);
            if ("error".equals(text(reply.headers(), "status"))) return text(reply.headers(), "error-code");
            return "ok " + HexFormat.of().formatHex(reply.value());
        } catch (TimeoutException late) {
            return "no_reply";
        } finally {
            waiting.remove(identity);
        }
    }

    static String text(Headers headers, String name) {
        var header = headers.lastHeader(name);
        return header == null || header.value() == null ? "" : new String(header.value());
    }

    public static void main(String[] args) throws Exception {
        var client = new Ask(args[0], args[1], args[2], Integer.parseInt(args[3]));
        byte[] row = {0, 0, (byte) 0x80, 0x3f, 0, 0, 0x20, 0x40};   // 1.0 and 2.5
        System.out.println("ok: " + client.ask(row, 30_000, 30_000, 1));
        System.out.println("error: " + client.ask(Arrays.copyOf(row, 7), 30_000, 30_000, 1));
        System.out.println("expired: " + client.ask(row, 0, 30_000, 1));
        System.out.println("late: " + client.ask(row, 30_000, 0, 1));
        System.out.println("repeated: " + client.ask(row, 30_000, 30_000, 2));
        while (client.ignored.get() < 2) Thread.sleep(10);   // the late one and the second of two
        System.out.println("ignored: " + client.ignored);
    }
}
