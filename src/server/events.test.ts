import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { type ServerDesk, serverDesk } from '../../test/fakes/server-desk.ts'

const scratch = scratchDirectory()

interface Told {
  readonly event: string
  readonly id: string | undefined
  readonly data: Readonly<Record<string, unknown>>
}

/** The events of a stream, as they come. */
async function* eventsOf(response: Response): AsyncGenerator<Told> {
  let rest = ''
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    const parts = `${rest}${piece}`.split('\n\n')
    rest = parts.pop()!
    for (const part of parts) {
      const fields = new Map(
        part.split('\n').map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      )
      const data = fields.get('data')
      if (data !== undefined) yield { event: fields.get('event')!, id: fields.get('id'), data: JSON.parse(data) as Record<string, unknown> }
    }
  }
}

describe('events', () => {
  let desk: ServerDesk
  const end = new AbortController()
  before(async () => {
    desk = await serverDesk(scratch, { signal: end.signal })
    desk.build('first')
    assert.equal((await desk.holdfast('release create rcclx --variant 6.4 --no-build --yes')).exit, 0)
  })
  after(() => desk.close())

  const create = async (content: string) => {
    desk.build(content)
    assert.equal((await desk.holdfast('release create rcclx --variant 6.4 --no-build --yes')).exit, 0)
  }

  it('tell every move as it is made, and what becomes of executions', async () => {
    const queue = await desk.served.jobs!.queue()
    const gone = new AbortController()
    const response = await fetch(`${desk.url}/api/v1/events`, { signal: gone.signal })
    assert.equal(response.headers.get('content-type'), 'text/event-stream')
    const events = eventsOf(response)
    await create('second')
    const { value: move } = (await events.next()) as { value: Told }
    assert.deepEqual([move.event, move.id, move.data['action']], ['move', 'releases/rcclx/6.4@2', 'create'])
    await queue.add([{ key: 'two', words: ['store', 'stats'], source: 'store', priority: 0, splits: false }])
    const { value: execution } = (await events.next()) as { value: Told }
    assert.deepEqual([execution.event, execution.data['run'], execution.data['state']], ['execution', 'store stats', 'waiting'])
    gone.abort()
  })

  it('tell who comes again what was missed', async () => {
    await create('third')
    desk.time.ahead += 1_500
    const gone = new AbortController()
    const response = await fetch(`${desk.url}/api/v1/events`, { signal: gone.signal, headers: { 'last-event-id': 'releases/rcclx/6.4@2' } })
    const { value: move } = (await eventsOf(response).next()) as { value: Told }
    assert.equal(move.id, 'releases/rcclx/6.4@3')
    gone.abort()
  })

  it('go to so many of one address and no more, until one of them is gone', async () => {
    const gone = Array.from({ length: 51 }, () => new AbortController())
    const listen = async ({ signal }: AbortController) => (await fetch(`${desk.url}/api/v1/events`, { signal })).status
    const statuses = await Promise.all(gone.slice(0, 50).map(listen))
    assert.ok(statuses.every((status) => status === 200))
    assert.equal(await listen(gone[50]!), 429)
    for (const each of gone) each.abort()
    // A connection that was cut is noticed in a moment.
    for (;;) if ((await listen(new AbortController())) === 200) return
  })

  it('end with the server', async () => {
    const response = await desk.get('/api/v1/events')
    const events = eventsOf(response)
    const next = events.next()
    end.abort()
    assert.equal((await next).done, true)
  })
})
