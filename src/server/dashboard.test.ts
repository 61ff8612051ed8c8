import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { type ServerDesk, serverDesk } from '../../test/fakes/server-desk.ts'
import { openDashboard } from './dashboard.ts'

const scratch = scratchDirectory()
const html = { accept: 'text/html,application/xhtml+xml' }

describe('the dashboard', () => {
  let desk: ServerDesk
  before(async () => {
    const folder = path.join(scratch, 'web')
    mkdirSync(folder)
    writeFileSync(path.join(folder, 'index.html'), '<!doctype html><title>pages</title>')
    writeFileSync(path.join(folder, 'main.0123.js'), 'run()')
    desk = await serverDesk(scratch, { dashboard: await openDashboard(folder) })
  })
  after(() => desk.close())

  it('is at the root for browsers, and at every path below /ui', async () => {
    for (const at of ['/', '/ui', '/ui/', '/ui/releases/rcclx', '/ui/releases/x?variant=%2F']) {
      const response = await desk.get(at, html)
      assert.deepEqual([response.status, await response.text()], [200, '<!doctype html><title>pages</title>'], at)
    }
  })

  it('leaves the root to its text for those who want no page', async () => {
    const response = await desk.get('/', { accept: '*/*' })
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')
    assert.match(await response.text(), /^\/ui\/ /m)
  })

  it('lets its page do nothing but load its own files and ask this server', async () => {
    const policy = (await desk.get('/ui/', html)).headers.get('content-security-policy')!
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/)
    assert.doesNotMatch(policy, /unsafe|https?:|\*/)
  })

  it('lets files that have their digest in their name be kept for ever, and the page be asked for again', async () => {
    const file = await desk.get('/ui/assets/main.0123.js')
    assert.deepEqual([await file.text(), file.headers.get('content-type')], ['run()', 'text/javascript; charset=utf-8'])
    assert.equal(file.headers.get('cache-control'), 'public, max-age=31536000, immutable')
    const page = await desk.get('/ui/', html)
    assert.equal(page.headers.get('cache-control'), 'no-cache')
    const again = await desk.get('/ui/', { ...html, 'if-none-match': page.headers.get('etag')! })
    assert.deepEqual([again.status, await again.text()], [304, ''])
  })

  it('packs what is asked for packed, and nothing else', async () => {
    const dashboard = await openDashboard(path.join(scratch, 'web'))
    const ask = (encoding: string) => {
      const headers = new Headers({ 'accept-encoding': encoding })
      const answer = dashboard.answer({ method: 'GET', headers } as unknown as Parameters<typeof dashboard.answer>[0], [
        'assets',
        'main.0123.js',
      ])
      assert.ok('body' in answer && answer.body instanceof Uint8Array)
      return { encoding: answer.headers['content-encoding'], body: answer.body }
    }
    const packed = ask('br, gzip;q=0.8')
    assert.deepEqual([packed.encoding, gunzipSync(packed.body).toString()], ['gzip', 'run()'])
    for (const none of ['', 'br', 'gzip;q=0']) assert.equal(ask(none).encoding, undefined, none)
  })

  it('has no file but those of its folder', async () => {
    for (const at of ['/ui/assets/none.js', '/ui/assets/', '/ui/assets/index.html', '/ui/assets/a/b']) {
      assert.equal((await desk.get(at, html)).status, 404, at)
    }
    const outside = await fetch(`${desk.url}/ui/assets/..%2f..%2fholdfast.toml`)
    assert.equal(outside.status, 404)
  })

  it('says which command makes it where it was not built', async () => {
    const none = await openDashboard(path.join(scratch, 'nothing'))
    const answer = none.answer({ method: 'GET', headers: new Headers() } as unknown as Parameters<typeof none.answer>[0], [])
    assert.ok('body' in answer && answer.body instanceof Uint8Array)
    assert.match(Buffer.from(answer.body).toString(), /npm run build/)
  })
})
