// Five questions to Tidemill with franz-go: go run . BROKER TOPIC REPLY_TOPIC REPLY_PARTITION
package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

type asker struct {
	client     *kgo.Client
	topic      string
	replyTopic string
	partition  uint32
	waiting    sync.Map // correlation to the channel of who waits
	ignored    atomic.Int64
}

func (a *asker) read() {
	for {
		a.client.PollFetches(context.Background()).EachRecord(func(reply *kgo.Record) {
			asked, found := a.waiting.LoadAndDelete(header(reply, "correlation-id"))
			if found {
				asked.(chan *kgo.Record) <- reply
			} else { // another's, a repetition, or one that nobody waits for any more
				a.ignored.Add(1)
			}
		})
	}
}

// ask returns "ok" and the result in hexadecimal, the code of an error, or "no_reply".
func (a *asker) ask(body []byte, timeout, wait time.Duration, times int) string {
	identity := rand.Text()
	asked := make(chan *kgo.Record, 1)
	a.waiting.Store(identity, asked)
	defer a.waiting.Delete(identity)
	for range times {
		a.client.Produce(context.Background(), &kgo.Record{Topic: a.topic, Value: body, Headers: []kgo.RecordHeader{
			{Key: "correlation-id", Value: []byte(identity)},
			{Key: "reply-to", Value: []byte(a.replyTopic)},
			{Key: "kafka_replyPartition", Value: binary.BigEndian.AppendUint32(nil, a.partition)},
			{Key: "content-type", Value: []byte("application/octet-stream")},
			{Key: "timeout-ms", Value: []byte(strconv.FormatInt(timeout.Milliseconds(), 10))},
		}}, nil)
	}
	select {
	case reply := <-asked:
		if header(reply, "status") == "error" {
			return header(reply, "error-code")
		}
		return fmt.Sprintf("ok %x", reply.Value)
	case <-time.After(wait):
		return "no_reply"
	}
}

func header(record *kgo.Record, name string) string {
	for _, each := range record.Headers {
		if each.Key == name {
			return string(each.Value)
		}
	}
	return ""
}

// open begins at the end of the replies as it is before the first question, so that none is missed. There is no group.
func open(broker, topic, replyTopic, partition string) *asker {
	number := int32(must(strconv.ParseInt(partition, 10, 32)))
	client := must(kgo.NewClient(kgo.SeedBrokers(broker), kgo.FetchIsolationLevel(kgo.ReadCommitted())))
	ends := must(kadm.NewClient(client).ListEndOffsets(context.Background(), replyTopic))
	end, found := ends.Lookup(replyTopic, number)
	if !found || end.Err != nil {
		log.Fatalf("no partition %s of %s: %v", partition, replyTopic, end.Err)
	}
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{
		replyTopic: {number: kgo.NewOffset().At(end.Offset)},
	})
	a := &asker{client: client, topic: topic, replyTopic: replyTopic, partition: uint32(number)}
	go a.read()
	return a
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	a := open(os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	row := []byte{0, 0, 0x80, 0x3f, 0, 0, 0x20, 0x40} // 1.0 and 2.5
	const long = 30 * time.Second
	fmt.Println("ok:", a.ask(row, long, long, 1))
	fmt.Println("error:", a.ask(row[:7], long, long, 1))
	fmt.Println("expired:", a.ask(row, 0, long, 1))
	fmt.Println("late:", a.ask(row, long, 0, 1))
	fmt.Println("repeated:", a.ask(row, long, long, 2))
	for a.ignored.Load() < 2 { // the late one and the second of two
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Println("ignored:", a.ignored.Load())
}
