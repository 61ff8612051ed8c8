import { mkdtempSync } from 'node:fs'
import path from 'node:path'
import { queueConformance } from '../../../test/fakes/queue-conformance.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { openFileQueue } from './open.ts'

const scratch = scratchDirectory()

queueConformance('a queue in a file', (clock) => {
  return openFileQueue(path.join(mkdtempSync(path.join(scratch, 'queue-')), 'deep/daemon.sqlite'), { clock, random: () => 0.5 })
})
