/**
 * `npm test`: provides the real servers, then runs every test.
 *
 *   npm test                  all of it
 *   npm test -- store fetch   only the jobs whose path has one of these words
 *   npm run soak              the full lengths (HOLDFAST_SOAK=1); writes docs/soak.md
 *
 * The unit tests of a room share one process; every file below test/ has its own. Two processes run at a time. Where
 * CI=true a suite that cannot run here is a failure (HOLDFAST_TEST_REQUIRE=all), elsewhere it is named and skipped.
 */
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { run } from 'node:test'
import { addTally, closingLines, createTally, describeFailures, describeSkips, hasFailed, noteEvent, type Tally } from './check/tally.ts'
import { provideServices } from './services/index.ts'

interface Job {
  readonly name: string
  readonly file: string
  readonly argv: readonly string[]
}

const root = path.resolve(import.meta.dirname, '..')
const width = 2
const minutes = 60_000

process.chdir(root)
process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  const soak = args.includes('--soak')
  const words = args.filter((arg) => !arg.startsWith('--'))
  if (process.env['CI'] === 'true') process.env['HOLDFAST_TEST_REQUIRE'] = 'all'
  if (soak) {
    process.env['HOLDFAST_SOAK'] = '1'
    // Room for an object of 6 GiB and its copy.
    process.env['CEPH_GIB'] ??= '16'
  }

  const jobs = [...unitJobs(), ...integrationJobs()].filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))
  if (jobs.length === 0) {
    console.error(`no test has ${words.join(' or ')} in its path`)
    return 2
  }
  const services = await provide(jobs)
  const started = performance.now()
  let tally: Tally
  try {
    tally = await runAll(jobs, soak ? 240 * minutes : 40 * minutes)
  } finally {
    await services.stop()
  }
  const duration = performance.now() - started
  process.stdout.write(`\n${describeSkips(tally)}${describeFailures(tally, root)}${closingLines(tally, duration)}`)
  if (soak && words.length === 0) writeFileSync('docs/soak.md', `${soakRecord(tally, duration)}${keptSections('docs/soak.md')}`)
  return hasFailed(tally) ? 1 : 0
}

function unitJobs(): Job[] {
  const rooms = new Set(globSync('src/**/*.test.ts').map((file) => file.split(path.sep).slice(1, -1)[0] ?? '*'))
  return [...rooms].toSorted().map((room) => {
    const pattern = room === '*' ? 'src/*.test.ts' : `src/${room}/**/*.test.ts`
    return { name: pattern, file: 'test/check/one-room.ts', argv: [pattern] }
  })
}

function integrationJobs(): Job[] {
  return globSync('test/**/*.test.ts')
    .toSorted()
    .map((file) => ({ name: file, file, argv: [] }))
}

/** The servers are asked for only where a test that may need them runs. */
async function provide(jobs: readonly Job[]): Promise<{ stop(): Promise<void> }> {
  const mayNeedThem = jobs.some(({ name }) => name.startsWith('test/') || name.startsWith('src/store'))
  return mayNeedThem ? provideServices() : { stop: async () => undefined }
}

async function runAll(jobs: readonly Job[], timeout: number): Promise<Tally> {
  const tally = createTally()
  const waiting = [...jobs]
  const lane = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) addTally(tally, await runJob(job, timeout))
  }
  await Promise.all(Array.from({ length: width }, lane))
  return tally
}

async function runJob(job: Job, timeout: number): Promise<Tally> {
  const tally = createTally()
  const started = performance.now()
  const stream = run({ files: [path.resolve(job.file)], isolation: 'process', concurrency: 1, timeout, argv: [...job.argv] })
  for await (const event of stream) noteEvent(tally, event, job.name)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : ''
  const failed = hasFailed(tally)
  process.stdout.write(`${failed ? '✖' : '✔'} ${job.name}: ${tally.passed} passed${skipped}${failed ? ', FAILED' : ''} (${seconds} s)\n`)
  if (failed && tally.output.length > 0) process.stdout.write(`${tally.output.map((line) => `    | ${line}`).join('\n')}\n`)
  return tally
}

function soakRecord(tally: Tally, milliseconds: number): string {
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).stdout.trim()
  return `# The last soak run

\`npm run soak\` runs every proof at its full length and rewrites this page up to its sections, which have figures of single proofs.

| date (UTC) | commit | Node | passed | failed | skipped | minutes |
| --- | --- | --- | --- | --- | --- | --- |
| ${new Date().toISOString().slice(0, 16).replace('T', ' ')} | ${commit} | ${process.version} | ${tally.passed} | ${tally.failed} | ${tally.skipped} | ${(milliseconds / minutes).toFixed(1)} |
`
}

/** What single proofs came to is written by hand, and stays. */
function keptSections(file: string): string {
  const page = readFileSync(file, 'utf8')
  const start = page.indexOf('\n## ')
  return start === -1 ? '' : page.slice(start)
}
