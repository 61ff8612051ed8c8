import type { MessagePort } from 'node:worker_threads'
import { asFault } from '../../kit/index.ts'
import { freeNow, isAlone } from '../pack/block.ts'
import { type Answered, type Asked, perform, type Work } from './perform.ts'

/** What a worker thread does, as long as its parent lets it. */
export function serve(parent: MessagePort): void {
  const send = (answered: Answered, given: readonly ArrayBuffer[]) => parent.postMessage(answered, given)
  parent.on('message', (asked: Asked) => {
    try {
      const answer = perform(asked.kind, asked.task)
      send({ number: asked.number, answer }, memoryOf(asked, answer))
    } catch (error) {
      const { code, message, at, hint } = asFault(error)
      send({ number: asked.number, fault: { code, message, at, hint } }, [])
    }
  })
}

/** What the answer's bytes lie in goes with it. */
function memoryOf({ kind, task }: Asked, answer: Work[Asked['kind']]['answer']): ArrayBuffer[] {
  if (kind !== 'open') return []
  const { plain } = answer as Work['open']['answer']
  const { stored } = task as Work['open']['task']
  if (stored.method === 'zstd') freeNow(stored.bytes)
  return isAlone(plain) ? [plain.buffer as ArrayBuffer] : []
}
