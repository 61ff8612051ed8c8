import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { githubDesks } from '../../../test/fakes/github/desk.ts'
import type { RunScene } from '../../../test/fakes/github/scene.ts'
import { refusal } from '../../../test/fakes/github/trouble.ts'

const { scene, desk } = githubDesks()
const tag = 'presto-a-velox-b-linux-amd64'

describe('a run that is started', () => {
  test('has the inputs that were given, and is known by its number', async () => {
    let given: unknown
    const stand = await scene({
      runs: [{}],
      onDispatch(inputs, ref) {
        given = { inputs, ref }
        return { status: 'queued' }
      },
    })
    const { github } = desk(stand)
    const run = await github.dispatch({ ref: 'feature/x', inputs: { presto_commit: 'main' } })
    assert.deepEqual(given, { inputs: { presto_commit: 'main' }, ref: 'feature/x' })
    assert.equal(run.number, 2)
    assert.equal(run.status, 'queued')
  })
  test('is waited for where its number is known before it is there', async () => {
    const stand = await scene()
    stand.trouble(refusal(404, 'Not Found', {}, { match: /^GET \S+\/runs\/\d+\?/, times: 3 }))
    const { github, clock } = desk(stand)
    const before = clock.now()
    assert.equal((await github.dispatch({ ref: 'main', inputs: {} })).number, 1)
    assert.equal(clock.now() - before, 6000)
  })
  for (const dispatch of ['passes-over', 'refuses'] as const) {
    test(`is found among others where the server ${dispatch === 'refuses' ? 'refuses to tell it' : 'does not tell it'}`, async () => {
      const stand = await scene({ runs: [{ branch: 'main' }, { branch: 'x', status: 'queued' }], dispatch })
      const run = await desk(stand).github.dispatch({ ref: 'main', inputs: {} })
      assert.equal(run.number, 3)
      assert.equal(stand.runs.length, 3)
    })
  }
  test('is waited for where it is slow to appear, and not for ever', async () => {
    const stand = await scene({ dispatch: 'passes-over', onDispatch: () => ({ branch: 'elsewhere' }) })
    const fault = await faultOf(
      desk(stand).github.dispatch({ ref: 'main', inputs: {} }),
      'unavailable',
      /was started, and no run has appeared within 60 s/,
    )
    assert.match(fault.hint ?? '', /do not start it again in haste/)
    assert.equal(stand.runs.length, 1)
  })
  test('is nobody’s where another began in the same moment and nothing tells them apart', async () => {
    const stand = await scene({
      dispatch: 'passes-over',
      onDispatch() {
        stand.add({ branch: 'main', status: 'queued' })
        return { status: 'queued' }
      },
    })
    await faultOf(desk(stand).github.dispatch({ ref: 'main', inputs: {} }), 'busy', /2 runs on main began at once/)
  })
  test('is started once, whatever the server answers', async () => {
    const stand = await scene()
    const { github } = desk(stand)
    stand.trouble(refusal(502, 'Bad Gateway', {}, { match: /^POST/ }))
    await faultOf(github.dispatch({ ref: 'main', inputs: {} }), 'unavailable', /502/)
    assert.equal(stand.requests.filter((line) => line.startsWith('POST')).length, 1)
  })
  test('is refused on a branch that is not there', async () => {
    await faultOf(desk(await scene()).github.dispatch({ ref: 'no-such-branch', inputs: {} }), 'invalid', /No ref found for: no-such-branch/)
  })
})

describe('a run that is followed', () => {
  const steps = (at: number) => [
    { name: 'Set up', status: at > 0 ? ('completed' as const) : ('in_progress' as const) },
    { name: 'Build', status: at > 0 ? ('in_progress' as const) : ('queued' as const) },
  ]
  const later: RunScene['later'] = [
    { status: 'queued' },
    { status: 'in_progress', jobs: [{ name: 'build', status: 'in_progress', steps: steps(0) }] },
    { status: 'in_progress', jobs: [{ name: 'build', status: 'in_progress', steps: steps(1) }] },
    { status: 'in_progress' },
    { status: 'completed', jobs: undefined as never, tag },
  ]
  test('tells what its jobs do, and ends with its metadata', async () => {
    const stand = await scene({ runs: [{ status: 'queued', later }] })
    const { github, notes } = desk(stand)
    const ended = await github.follow({ ...blank, id: stand.runs[0]!.id })
    assert.equal(ended.conclusion, 'success')
    assert.deepEqual(
      notes.filter((note) => note.startsWith('build')),
      ['build: in progress, step 1 of 2: Set up', 'build: in progress, step 2 of 2: Build', 'build: success'],
    )
    assert.equal((await github.metadata(ended))?.tag, tag)
  })
  test('is followed through trouble of GitHub, and let go when the command stops', async () => {
    const stand = await scene({ runs: [{ status: 'in_progress', later: [{}, { status: 'completed', conclusion: 'failure' }] }] })
    stand.trouble(refusal(503, 'down', {}, { times: 12 }), refusal(404, 'Not Found', {}, { match: /attempts/ }))
    const { github, notes } = desk(stand)
    const ended = await github.follow({ ...blank, id: stand.runs[0]!.id })
    assert.equal(ended.conclusion, 'failure')
    assert.match(notes.join('\n'), /the run goes on, looking again/)
    const stop = new AbortController()
    const endless = await scene({ runs: [{ status: 'in_progress' }] })
    const watched = desk(endless, { signal: stop.signal, report: () => stop.abort() })
    await faultOf(watched.github.follow({ ...blank, id: endless.runs[0]!.id }), 'aborted', /stopped/)
  })
  test('is followed no longer than GitHub lets runs last', async () => {
    const day = 86_400_000
    let days = 0
    const clock = { now: () => days * day, sleep: async () => void days++ }
    const endless = await scene({ runs: [{ status: 'in_progress' }] })
    const { github } = desk(endless, { clock })
    const fault = await faultOf(github.follow({ ...blank, id: endless.runs[0]!.id }), 'unavailable', /has not ended within 36 days/)
    assert.match(fault.hint ?? '', /35 days/)
    assert.equal(days, 37)
  })
})

const blank = {
  id: 0,
  number: 1,
  attempt: 1,
  branch: 'main',
  commit: 'c'.repeat(40),
  status: 'queued',
  conclusion: undefined,
  title: '',
  actor: undefined,
  createdAt: 0,
  url: '',
}
