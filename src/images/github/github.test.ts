import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { refusal } from '../../../test/fakes/github/trouble.ts'
import { githubDesks } from '../../../test/fakes/github/desk.ts'

const tag = 'presto-92865fbce0d2-velox-65797d572e0a-linux-amd64'
const { scene, desk } = githubDesks()

describe('the runs of a workflow', () => {
  test('are those that ended well, the newest first', async () => {
    const stand = await scene({ runs: [{ tag }, { conclusion: 'failure' }, { tag: 'b' }, { status: 'in_progress' }] })
    const { github } = desk(stand)
    const runs = await github.runs({ limit: 20 })
    assert.deepEqual(
      runs.map(({ number }) => number),
      [3, 1],
    )
    assert.equal(runs[0]!.branch, 'main')
    assert.equal(runs[0]!.conclusion, 'success')
    assert.deepEqual(
      (await github.runs({ limit: 20, includeFailed: true })).map(({ number }) => number),
      [3, 2, 1],
    )
  })
  test('cost one question, and nothing of the rate limit, where nothing is new', async () => {
    const stand = await scene({ runs: [{ tag }, { tag: 'b' }] })
    await desk(stand).github.runs({ limit: 20 })
    const { used } = stand
    const again = desk(stand)
    assert.equal((await again.github.runs({ limit: 20 })).length, 2)
    assert.equal(again.github.requests(), 1)
    assert.equal(stand.used, used)
    assert.match(stand.requests.at(-1)!, / 304$/)
  })
  test('are read page by page beyond a hundred', async () => {
    const stand = await scene({ runs: Array.from({ length: 230 }, () => ({ tag })) })
    const { github } = desk(stand)
    assert.equal((await github.runs({ limit: 150 })).length, 150)
    assert.equal(github.requests(), 2)
    assert.equal((await github.runs({ limit: 1000 })).length, 230)
    assert.equal(github.requests(), 5)
  })
  test('are not there for a workflow or repository that nobody knows', async () => {
    const stand = await scene()
    await faultOf(
      desk(stand, { workflow: 'other.yml' }).github.runs({ limit: 1 }),
      'not-found',
      /the runs of other\.yml in rapidsai\/velox-testing/,
    )
    stand.trouble(refusal(500, 'oops', {}, { times: 5 }))
    await faultOf(desk(stand).github.runs({ limit: 1 }), 'unavailable', /500/)
  })
})

describe('the metadata of a run', () => {
  test('is the block in its log, asked for once ever', async () => {
    const stand = await scene({ runs: [{ tag }] })
    const first = desk(stand)
    const [run] = await first.github.runs({ limit: 1 })
    const metadata = await first.github.metadata(run!)
    assert.equal(metadata?.tag, tag)
    assert.equal(metadata.fields['Presto repository'], 'prestodb/presto')
    assert.equal(first.github.requests(), 3)
    const second = desk(stand)
    assert.deepEqual(await second.github.metadata(run!), metadata)
    assert.equal(second.github.requests(), 0)
  })
  test('is found by its tag, in the newest run, with the others named', async () => {
    const stand = await scene({ runs: [{ tag }, { tag: 'other' }, { tag }, {}] })
    const found = await desk(stand).github.findRun(tag, { limit: 20 })
    assert.equal(found?.run.number, 3)
    assert.deepEqual(
      found.others.map(({ number }) => number),
      [1],
    )
    assert.equal(await desk(stand).github.findRun('nobody', { limit: 20 }), undefined)
  })
})
