/** Generates again and again until it is ended; changes something of the runs before each time, unless told not to. */
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { ManifestGenerator } from '../../src/runs/index.ts'
import { seededRandom } from '../fakes/seeded-random.ts'

const [root, seed, times, role] = process.argv.slice(2) as [string, string, string, 'write' | 'generate' | 'both']
const random = seededRandom(Number(seed))
const generator = new ManifestGenerator({
  remoteRoot: root,
  clock: { now: () => Date.now() + 10_000, sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) },
})

/** Runs come, grow, are rewritten and go, as others at the same time may make them. */
function change(): void {
  const folder = path.join(root, `p${Math.floor(random() * 2)}/n/runs/${Math.floor(random() * 12)}`)
  const kind = random()
  try {
    if (kind < 0.6) {
      mkdirSync(path.join(folder, 'media'), { recursive: true })
      appendFileSync(path.join(folder, 'events.jsonl'), `{"step":${random()}}\n`.repeat(Math.floor(random() * 2000)))
      if (random() < 0.3) writeFileSync(path.join(folder, 'media/a.png'), String(random()).repeat(Math.floor(random() * 3000)))
    } else if (kind < 0.8) {
      mkdirSync(folder, { recursive: true })
      writeFileSync(path.join(folder, 'status.tmp'), `{"status":"s${Math.floor(random() * 9)}"}`)
      renameSync(path.join(folder, 'status.tmp'), path.join(folder, 'status.json'))
    } else if (kind < 0.9) rmSync(folder, { recursive: true, force: true })
    else rmSync(path.join(folder, 'events.jsonl'), { force: true })
  } catch (error) {
    // Another one removed it meanwhile.
    if (!['ENOENT', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

process.stdout.write('begun\n')
for (let time = 0; time < Number(times); time++) {
  if (role !== 'generate') for (let changes = 0; changes < 4; changes++) change()
  if (role !== 'write') await generator.generate({ manifestType: random() < 0.2 ? 'active' : 'full' })
  else await new Promise((resolve) => setImmediate(resolve))
}
