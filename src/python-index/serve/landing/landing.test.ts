import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, it } from 'node:test'
import { Script } from 'node:vm'
import { buildWheel } from '../../../../test/fakes/distributions.ts'
import { indexDesk } from '../../../../test/fakes/index-desk.ts'
import { showIndex } from '../../../../test/fakes/published-index.ts'
import type { IndexRef } from '../../records/state.ts'
import { readCatalogue } from '../../records/read.ts'
import { indexHandler } from '../handler.ts'
import { folderLanding, indexLanding } from './landing.ts'

const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
const anchorsOf = (html: string) => [...html.matchAll(/<a href="([^"]*)">([^<]*)<\/a>/g)].map(([, href, text]) => [href, text])

async function shown() {
  const { context } = indexDesk()
  const distributions = [buildWheel({ name: 'torch', version: '2.6.0' }), buildWheel({ name: 'Foo.Bar', version: '1.0' })]
  const ref = await showIndex(context, { 'v2/gfx94X-dcgpu': { distributions }, 'v2/b': { distributions }, other: { distributions: [] } })
  return { context, ref, handler: indexHandler(context) }
}

describe('the page of an index for people', () => {
  it('is given to browsers alone', async () => {
    const { handler } = await shown()
    const ask = async (accept: string, path = '/v2/b/') =>
      await (await handler(new Request(`http://localhost${path}`, { headers: { accept } }))).text()
    assert.match(await ask(browser), /pip install --index-url/)
    for (const accept of [
      'text/html',
      '*/*',
      'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01',
    ])
      assert.doesNotMatch(await ask(accept), /pip install/, accept)
    assert.doesNotMatch(await ask(browser, '/v2/b/index.html'), /pip install/)
    assert.doesNotMatch(await ask(browser, '/v2/b/torch/'), /pip install/)
  })

  it('is a root page of PEP 503 too: its links are the projects and nothing else', async () => {
    const { context, ref } = await shown()
    const { projects } = await readCatalogue(context, ref.state.prefixes['v2/b']!.catalogue)
    assert.deepEqual(anchorsOf(indexLanding(ref, 'v2/b', projects).html), [
      ['foo-bar/', 'foo-bar'],
      ['torch/', 'torch'],
    ])
  })

  it('runs its own style and script and nothing else', async () => {
    const { ref } = await shown()
    const { html, policy } = indexLanding(ref, 'v2/b', {})
    const digests = ['style', 'script'].map((tag) => hash('sha256', new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(html)![1]!, 'base64'))
    assert.match(policy, /^default-src 'none'; /)
    for (const digest of digests) assert.ok(policy.includes(`'sha256-${digest}'`))
    assert.doesNotMatch(policy, /unsafe|\*|https?:/)
    assert.doesNotMatch(html, /\son\w+=|style=|https?:\/\//)
    // It is a script, and not cut short by a `</script>` within.
    assert.doesNotThrow(() => new Script(/<script>([^]*?)<\/script>/.exec(html)![1]!))
    assert.match(html, /<\/script>\n<\/body>\n<\/html>\n$/)
  })

  it('says when it changed last, and is the same until then', async () => {
    const { handler } = await shown()
    const ask = (headers = {}) => handler(new Request('http://localhost/v2/b/', { headers: { accept: browser, ...headers } }))
    const first = await ask()
    assert.match(await first.text(), /changed 2025-01-07 14:30 UTC/)
    assert.equal((await ask({ 'if-none-match': first.headers.get('etag') })).status, 304)
  })

  it('escapes every name, also of hostile ones', () => {
    const name = '"><script>alert(1)</script>&\''
    const totals = { catalogue: `sha256:${'0'.repeat(64)}`, projects: 1, files: 1, bytes: 1, refused: 0, kept: [] } as const
    const ref = { state: { bucket: 'b', prefixes: { [`v2/${name}`]: totals } }, history: [] } as unknown as IndexRef
    const entry = { record: totals.catalogue, listed: totals.catalogue, files: 1, bytes: 1, refused: 0 }
    for (const { html } of [indexLanding(ref, `v2/${name}`, { [name]: entry }), folderLanding(ref, 'v2'), folderLanding(ref, '')]) {
      assert.equal(html.match(/<script>/g)?.length, 1)
      assert.doesNotMatch(html, /alert\(1\)<\/script>/)
      assert.match(html, /&quot;&gt;&lt;script&gt;/)
    }
  })
})

describe('the page of a folder', () => {
  it('leads to the indexes below it', async () => {
    const { ref, handler } = await shown()
    assert.deepEqual(
      anchorsOf(folderLanding(ref, '').html).map(([href]) => href),
      ['other/', 'v2/b/', 'v2/gfx94X-dcgpu/'],
    )
    const response = await handler(new Request('http://localhost/v2/'))
    assert.deepEqual(
      anchorsOf(await response.text()).map(([href]) => href),
      ['b/', 'gfx94X-dcgpu/'],
    )
  })
})
