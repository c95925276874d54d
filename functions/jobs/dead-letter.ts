/** @file The dead-letter queues: what failed too often is kept in D1, where a person sees and replays it. */
import type { DeadLetters } from '../catalog/dead-letters.ts'
import type { QueueName } from '../queue-sender.ts'
import type { IndexHolder } from '../ranking/index-holder.ts'

export const createKeepDeadLetters =
  (deadLetters: DeadLetters, holder: IndexHolder) =>
  async (batch: Pick<MessageBatch<unknown>, 'messages'>, queue: QueueName): Promise<void> => {
    for (const message of batch.messages) {
      const reason = `failed ${queue === 'jobs' ? 'in the worker' : 'in the consumer'} until its attempts were used up`
      await deadLetters.keep({ id: message.id, queue, body: message.body, reason }, await holder.fresh())
      message.ack()
    }
  }
