import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { projectRecord, publishedFile } from '../../../test/fakes/index-records.ts'
import { digestOf, hexOf } from '../../kit/index.ts'
import type { ProjectRecord } from '../records/project.ts'
import { projectPages, rootPages } from './page.ts'

const plain = { urls: [] }
const seen = { urls: ['http://internal/', 'https://wheels.example.com'] }

function textsOf(pages: ReturnType<typeof rootPages>): { html: string; json: unknown } {
  const [html, json] = pages.map(({ bytes }) => Buffer.from(bytes).toString())
  return { html: html!, json: JSON.parse(json!) }
}

function pagesOf(record: ProjectRecord, environment: { urls: readonly string[] } = plain, prefix = 'v2/gfx94X-dcgpu') {
  return textsOf(projectPages(prefix, record, environment))
}

function sha(name: string): string {
  return hexOf(digestOf(name))
}

const torch = projectRecord('torch', [
  publishedFile('torch-2.7.0.tar.gz', { yanked: '', requiresPython: '>=3.9' }),
  publishedFile('torch-2.7.1+rocm6.4-cp311-cp311-linux_x86_64.whl', {
    version: '2.7.1+rocm6.4',
    requiresPython: '>=3.9,<3.14',
    metadata: digestOf('METADATA'),
    provenance: digestOf('provenance'),
    yanked: 'broken on "gfx942"',
  }),
  publishedFile('torch-2.7.1+rocm6.4-cp312-cp312-linux_x86_64.whl', { version: '2.7.1+rocm6.4', digest: undefined }),
])

describe('the pages of a project', () => {
  it('are these as HTML', () => {
    const [sdist, wheel] = torch.files.map(({ name }) => sha(name))
    assert.equal(
      pagesOf(torch).html,
      `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="pypi:repository-version" content="1.4">
<title>Links for torch</title>
</head>
<body>
<h1>Links for torch</h1>
<a href="../torch-2.7.0.tar.gz#sha256=${sdist}" data-requires-python="&gt;=3.9" data-yanked="">torch-2.7.0.tar.gz</a><br>
<a href="../torch-2.7.1%2Brocm6.4-cp311-cp311-linux_x86_64.whl#sha256=${wheel}" data-requires-python="&gt;=3.9,&lt;3.14" data-yanked="broken on &quot;gfx942&quot;" data-core-metadata="sha256=${sha('METADATA')}" data-dist-info-metadata="sha256=${sha('METADATA')}">torch-2.7.1+rocm6.4-cp311-cp311-linux_x86_64.whl</a><br>
<a href="../torch-2.7.1%2Brocm6.4-cp312-cp312-linux_x86_64.whl">torch-2.7.1+rocm6.4-cp312-cp312-linux_x86_64.whl</a><br>
</body>
</html>
`,
    )
  })

  it('are these as JSON', () => {
    const [first, second, third] = torch.files.map(({ name }) => name)
    assert.deepEqual(pagesOf(torch).json, {
      meta: { 'api-version': '1.4' },
      name: 'torch',
      versions: ['2.7.0', '2.7.1+rocm6.4'],
      files: [
        {
          filename: first,
          url: `../${first}`,
          hashes: { sha256: sha(first!) },
          size: 18,
          'upload-time': '2025-01-07T14:30:00Z',
          'requires-python': '>=3.9',
          yanked: true,
        },
        {
          filename: second,
          url: '../torch-2.7.1%2Brocm6.4-cp311-cp311-linux_x86_64.whl',
          hashes: { sha256: sha(second!) },
          size: 48,
          'upload-time': '2025-01-07T14:30:00Z',
          'requires-python': '>=3.9,<3.14',
          yanked: 'broken on "gfx942"',
          'core-metadata': { sha256: sha('METADATA') },
        },
        {
          filename: third,
          url: '../torch-2.7.1%2Brocm6.4-cp312-cp312-linux_x86_64.whl',
          hashes: {},
          size: 48,
          'upload-time': '2025-01-07T14:30:00Z',
        },
      ],
    })
  })

  it('lie in a folder of the project, with the types that clients expect', () => {
    const pages = projectPages('v2/gfx94X-dcgpu', torch, plain)
    assert.deepEqual(
      pages.map(({ key, contentType }) => ({ key, contentType })),
      [
        { key: 'v2/gfx94X-dcgpu/torch/index.html', contentType: 'text/html; charset=utf-8' },
        { key: 'v2/gfx94X-dcgpu/torch/index.json', contentType: 'application/vnd.pypi.simple.v1+json' },
      ],
    )
    assert.deepEqual(
      projectPages('', torch, plain).map(({ key }) => key),
      ['torch/index.html', 'torch/index.json'],
    )
  })

  it('are the same bytes for the same record, and say the same wherever they lie', () => {
    assert.deepEqual(projectPages('v2', torch, plain), projectPages('v2', structuredClone(torch), plain))
    assert.deepEqual(pagesOf(torch, plain, 'v2'), pagesOf(torch, plain, 'v3/other'))
  })

  it('name the provenance by its whole URL, where users have a secure one', () => {
    const url = 'https://wheels.example.com/v2/gfx94X-dcgpu/torch-2.7.1%2Brocm6.4-cp311-cp311-linux_x86_64.whl.provenance'
    const { html, json } = pagesOf(torch, seen)
    assert.ok(html.includes(` data-provenance="${url}"`))
    assert.deepEqual(
      (json as { files: { provenance?: string }[] }).files.map(({ provenance }) => provenance),
      [undefined, url, undefined],
    )
    assert.ok(!pagesOf(torch, { urls: ['http://internal/'] }).html.includes('provenance'))
  })

  it('tell a status that is not active, and why', () => {
    const { html, json } = pagesOf({ ...torch, status: { status: 'deprecated', reason: 'use <torch2> "now"' } })
    assert.ok(html.includes('<meta name="pypi:project-status" content="deprecated">\n'))
    assert.ok(html.includes('<meta name="pypi:project-status-reason" content="use &lt;torch2&gt; &quot;now&quot;">\n'))
    assert.deepEqual((json as Record<string, unknown>)['project-status'], { status: 'deprecated', reason: 'use <torch2> "now"' })
    const archived = pagesOf({ ...torch, status: { status: 'archived' } })
    assert.ok(!archived.html.includes('project-status-reason'))
    assert.deepEqual((archived.json as Record<string, unknown>)['project-status'], { status: 'archived' })
    assert.equal((archived.json as { files: unknown[] }).files.length, 3)
  })

  it('offer no file of a quarantined project, and still tell its versions', () => {
    const { html, json } = pagesOf({ ...torch, status: { status: 'quarantined', reason: 'it is haunted' } })
    assert.ok(!html.includes('<a '))
    assert.deepEqual(json, {
      meta: { 'api-version': '1.4' },
      name: 'torch',
      'project-status': { status: 'quarantined', reason: 'it is haunted' },
      versions: ['2.7.0', '2.7.1+rocm6.4'],
      files: [],
    })
  })

  it('carry reasons with line breaks, escapes of terminals and broken characters as plain text', () => {
    const yanked = 'one\r\ntwo\u001b[31m\u0000\ud800\uffff end'
    const { html, json } = pagesOf(projectRecord('a', [publishedFile('a-1.0.tar.gz', { yanked })]))
    const said = 'one two [31m \ufffd\ufffd end'
    assert.ok(html.includes(`data-yanked="${said}"`))
    assert.equal((json as { files: { yanked: string }[] }).files[0]!.yanked, said)
  })
})

describe('the root pages', () => {
  it('are these', () => {
    const { html, json } = textsOf(rootPages('v2', ['torch', 'constructor', 'numpy', 'torch']))
    assert.equal(
      html,
      `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="pypi:repository-version" content="1.4">
<title>Simple index</title>
</head>
<body>
<h1>Simple index</h1>
<a href="constructor/">constructor</a><br>
<a href="numpy/">numpy</a><br>
<a href="torch/">torch</a><br>
</body>
</html>
`,
    )
    assert.deepEqual(json, {
      meta: { 'api-version': '1.4' },
      projects: [{ name: 'constructor' }, { name: 'numpy' }, { name: 'torch' }],
    })
  })

  it('of an index without projects are there, and empty', () => {
    const { html, json } = textsOf(rootPages('v2', []))
    assert.ok(!html.includes('<a '))
    assert.deepEqual(json, { meta: { 'api-version': '1.4' }, projects: [] })
  })

  it('do not depend on the order', () => {
    assert.deepEqual(rootPages('v2', ['b', 'a']), rootPages('v2', ['a', 'b']))
  })
})
