// Five questions to Tidemill with @platformatic/kafka: node ask.mjs BROKER TOPIC REPLY_TOPIC REPLY_PARTITION

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Consumer, MessagesStreamModes, Producer } from '@platformatic/kafka'

const [broker, topic, replyTopic, partition] = process.argv.slice(2)
const own = { clientId: 'asker', bootstrapBrokers: [broker] }
const producer = new Producer(own)
// The library reads in groups only: one of this process alone, which commits nothing.
const text = (bytes) => bytes?.toString()
const deserializers = { headerKey: text, headerValue: text }
const consumer = new Consumer({ ...own, groupId: `asker-${randomUUID()}`, autocommit: false, deserializers })
const waiting = new Map() // correlation to the function that takes the reply
let ignored = 0

async function open () {
  // From the end as it is before the first question, so that no reply is missed.
  const ends = (await consumer.listOffsets({ topics: [replyTopic] })).get(replyTopic)
  const offsets = ends.map((offset, partition) => ({ topic: replyTopic, partition, offset }))
  const replies = await consumer.consume({ topics: [replyTopic], mode: MessagesStreamModes.MANUAL, offsets })
  replies.on('data', (reply) => {
    const identity = reply.headers.get('correlation-id')
    const take = waiting.get(identity)
    if (waiting.delete(identity)) take(reply)
    else ignored++ // another's, a repetition, or one that nobody waits for any more
  })
}

// Returns "ok" and the result in hexadecimal, the code of an error, or "no_reply".
async function ask (body, { timeoutMs = 30_000, waitMs = 30_000, times = 1 } = {}) {
  const identity = randomUUID()
  const replyPartition = Buffer.alloc(4)
  replyPartition.writeInt32BE(Number(partition))
  const headers = new Map(Object.entries({
    'correlation-id': identity,
    'reply-to': replyTopic,
    kafka_replyPartition: replyPartition,
    'content-type': 'application/octet-stream',
    'timeout-ms': String(timeoutMs)
  }).map(([name, value]) => [Buffer.from(name), Buffer.from(value)]))
  const stopped = new AbortController()
  const late = sleep(waitMs, undefined, { signal: stopped.signal }).catch(() => {})
  const answered = new Promise((resolve) => waiting.set(identity, resolve))
  const messages = Array(times).fill({ topic, value: body, headers })
  const reply = await Promise.race([producer.send({ messages }).then(() => answered), late])
  stopped.abort()
  waiting.delete(identity)
  if (!reply) return 'no_reply'
  if (reply.headers.get('status') === 'error') return reply.headers.get('error-code')
  return `ok ${reply.value.toString('hex')}`
}

await open()
const row = Buffer.from([0, 0, 0x80, 0x3f, 0, 0, 0x20, 0x40]) // 1.0 and 2.5
console.log('ok:', await ask(row))
console.log('error:', await ask(row.subarray(0, 7)))
console.log('expired:', await ask(row, { timeoutMs: 0 }))
console.log('late:', await ask(row, { waitMs: 0 }))
console.log('repeated:', await ask(row, { times: 2 }))
while (ignored < 2) await sleep(10) // the late one and the second of two
console.log('ignored:', ignored)
await consumer.close(true)
await producer.close()
