import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { assertMirrored, type Cost, type RunLab, runLab } from '../fakes/run-lab.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { addTraining, growTraining } from '../fakes/training.ts'

const scratch = scratchDirectory()
const soak = process.env['HOLDFAST_SOAK'] === '1'

/** What a sync may ask of a server, whatever there is on it: counted in the protocol's own packets. */
const budgets = {
  unchanged: { opened: 1, packets: 5, roundTrips: 3 },
  first: { opened: 10, packets: 100, roundTrips: 8 },
  appended: { opened: 6, packets: 40, roundTrips: 8 },
}

function assertWithin(t: TestContext, what: keyof typeof budgets, cost: Cost, about = ''): void {
  t.diagnostic(`${what}${about}: ${JSON.stringify(cost)}`)
  const budget = budgets[what]
  for (const name of ['opened', 'packets', 'roundTrips'] as const) {
    assert.ok(cost[name] <= budget[name], `${what}${about}: ${cost[name]} ${name}, and ${budget[name]} are allowed`)
  }
}

const generate = async ({ ok }: RunLab) => await ok('generate-manifest --root server')

test('a hundred runs of fifteen files come in a handful of large reads', async (t) => {
  const lab = await runLab(t, scratch)
  if (lab === undefined) return
  addTraining(lab.root, 0, 100)
  await generate(lab)
  const { exit, result, cost } = await lab.holdfast(`runs sync ${lab.url()} --to here`)
  assert.deepEqual([exit, result['way'], result['filesSynced']], [0, 'pages', 1500])
  assertMirrored(lab, 'here')
  assertWithin(t, 'first', cost)
})

test('where nothing is new one file is opened, at any size', async (t) => {
  for (const size of soak ? [1, 100, 1000] : [1, 100]) {
    const lab = await runLab(t, scratch)
    if (lab === undefined) return
    addTraining(lab.root, 0, size)
    await generate(lab)
    await lab.ok(`runs sync ${lab.url()} --to here`)
    for (const line of ['runs sync --to here', 'runs status --to here', 'runs sync --to here --dry-run']) {
      const { exit, result, cost } = await lab.holdfast(line)
      assert.deepEqual([exit, result['skipped']], [0, true])
      assertWithin(t, 'unchanged', cost, `, ${size} runs, ${line}`)
    }
    await generate(lab)
    const { result, cost } = await lab.holdfast('runs sync --to here')
    assert.equal(result['reason'], 'nothing is new at the source')
    assertWithin(t, 'unchanged', cost, `, ${size} runs, listed again`)
  }
})

test('of runs that grow only what was appended travels, generation after generation', async (t) => {
  const lab = await runLab(t, scratch)
  if (lab === undefined) return
  const runs = addTraining(lab.root, 0, 100)
  await generate(lab)
  await lab.ok(`runs sync ${lab.url()} --to here`)
  await lab.ok(`runs sync ${lab.url()} --to late`)
  for (let round = 1; round <= 8; round++) {
    let appended = 0
    for (const run of runs.slice(0, 10)) appended += growTraining(lab.root, run, 100 * round)
    const { bytesOfPages } = await generate(lab)
    const { result, cost } = await lab.holdfast('runs sync --to here')
    assert.deepEqual([result['filesAppended'], result['filesSynced'], result['bytesWritten']], [20, 20, appended])
    assertWithin(t, 'appended', cost, `, round ${round}`)
    const most = 1.1 * appended + (bytesOfPages as number) + 1024
    assert.ok((result['bytesDownloaded'] as number) <= most, `round ${round}: ${result['bytesDownloaded'] as number} of ${most} bytes`)
  }
  assertMirrored(lab, 'here')
  const { result, cost } = await lab.holdfast('runs sync --to late')
  assert.deepEqual([result['filesAppended'], result['filesSynced']], [20, 20])
  assertMirrored(lab, 'late')
  assertWithin(t, 'appended', cost, ', after eight generations')
})

test('new runs, rewritten files and a few large ones among many that stay the same', async (t) => {
  const lab = await runLab(t, scratch)
  if (lab === undefined) return
  const runs = addTraining(lab.root, 0, 40)
  await generate(lab)
  await lab.ok(`runs sync ${lab.url()} --to here`)
  const [first, second] = runs as [string, string]
  addTraining(lab.root, 40, 5)
  writeFileSync(path.join(lab.root, first, 'status.json'), '{"status": "failed"}')
  writeFileSync(path.join(lab.root, second, 'logs.txt'), 'rotated\n')
  writeFileSync(path.join(lab.root, second, 'checkpoint.pt'), Buffer.alloc(9 << 20, 'weights'))
  rmSync(path.join(lab.root, first, 'config.yaml'))
  await generate(lab)
  const { result, cost } = await lab.holdfast('runs sync --to here --delete --yes')
  assert.deepEqual([result['filesSynced'], result['filesAppended'], result['filesDeleted']], [78, 0, 1])
  assertMirrored(lab, 'here')
  assert.ok(cost.opened <= 4, `the root, the log of pages, the pack and the checkpoint, and not ${cost.opened}`)
})

test('--stats and the result say what was opened, sent and waited for', async (t) => {
  const lab = await runLab(t, scratch)
  if (lab === undefined) return
  addTraining(lab.root, 0, 3)
  await generate(lab)
  const first = await lab.holdfast(`runs sync ${lab.url()} --to here`, { asText: true })
  assert.match(
    first.out,
    /^45 files fetched; .* written\n {2}by pages, revision 1, listed \d+s ago; 3 files opened, .* read at the source\n$/,
  )
  const { err } = await lab.holdfast('runs sync --to here', { asText: true })
  assert.match(
    err,
    /^operations: 1 get\nbytes: .*\nrequests: 5 \(1 INIT, 1 STAT, 1 OPEN, 1 READ, 1 FSTAT\)\nround trips: 3 one after the other\n$/m,
  )
})

test('ls and pull cost what they show', async (t) => {
  const lab = await runLab(t, scratch)
  if (lab === undefined) return
  const runs = addTraining(lab.root, 0, 60)
  await generate(lab)
  const listed = await lab.holdfast(`runs ls ${lab.url()} --status running`)
  assert.equal((listed.result['runs'] as unknown[]).length, 6)
  assert.ok(listed.cost.opened <= 2, `${listed.cost.opened} opened`)
  const id = path.basename(runs[7]!)
  const pulled = await lab.holdfast(`runs pull ${id} --from ${lab.url()} --to here`)
  assert.deepEqual([pulled.exit, pulled.result['filesSynced']], [0, 15])
  assertWithin(t, 'appended', pulled.cost, ', one run pulled')
  assert.equal((await lab.ok('runs verify --to here'))['files'], 15)
})
