/**
 * What a store takes, and what commands ask of it: `npm run bench:capacity`. The figures of "Capacity" in docs/operations.md.
 *
 * Bytes and requests are exact and the same on every machine: commands run in this process on stores in folders and are counted by --stats, an
 * operation being what a request is on S3. Growth is the difference between two sizes, so that what is there once does not count.
 *
 *   --memory   also whole processes on large trees: peak memory and time, which are this machine's
 */
import { parseArgs } from 'node:util'
import { measureIndexes } from './capacity/indexes.ts'
import { measureMemory } from './capacity/memory.ts'
import { measureReleases } from './capacity/releases.ts'
import { measureRuns } from './capacity/runs.ts'
import { measureServices } from './capacity/services.ts'
import { measureSnapshots } from './capacity/snapshots.ts'

const { values: flags } = parseArgs({ options: { memory: { type: 'boolean' } } })
const measures = [measureReleases, measureSnapshots, measureIndexes, measureRuns, measureServices]
for (const measure of flags.memory === true ? [...measures, measureMemory] : measures) await measure()
