import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseDocument } from 'htmlparser2'
import * as v from 'valibot'
import { projectRecord, publishedFile } from '../../../test/fakes/index-records.ts'
import { testSeed } from '../../../test/fakes/seeded-random.ts'
import { type Digest, digestOf } from '../../kit/index.ts'
import type { ProjectRecord, PublishedFile } from '../records/project.ts'
import { projectPages, rootPages } from './page.ts'

const hex = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const hashes = v.union([v.strictObject({ sha256: hex }), v.strictObject({})])
const name = v.pipe(v.string(), v.regex(/^[a-z0-9]+(-[a-z0-9]+)*$/))
const meta = v.strictObject({ 'api-version': v.literal('1.4') })

/** PEP 691, 700, 714, 740 and 792: every key that they name, no other, and which of them may be left out. */
const projectSchema = v.strictObject({
  meta,
  name,
  'project-status': v.optional(
    v.strictObject({ status: v.picklist(['archived', 'quarantined', 'deprecated']), reason: v.optional(v.string()) }),
  ),
  versions: v.pipe(
    v.array(v.string()),
    v.check((versions) => new Set(versions).size === versions.length, 'a version twice'),
  ),
  files: v.array(
    v.strictObject({
      filename: v.pipe(v.string(), v.minLength(1)),
      url: v.pipe(v.string(), v.minLength(1)),
      hashes,
      size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
      'upload-time': v.pipe(v.string(), v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/)),
      'requires-python': v.optional(v.string()),
      yanked: v.optional(v.union([v.literal(true), v.pipe(v.string(), v.minLength(1))])),
      'core-metadata': v.optional(v.strictObject({ sha256: hex })),
      provenance: v.optional(v.pipe(v.string(), v.startsWith('https://'))),
    }),
  ),
})
const rootSchema = v.strictObject({ meta, projects: v.array(v.strictObject({ name })) })

const environment = { urls: ['https://wheels.example.com/py/'] }
const prefix = 'v2/gfx94X+dcgpu'
const pageUrl = `https://wheels.example.com/py/${prefix}/demo/`

/** An element without the library's own types. */
interface Element {
  readonly name: string
  readonly attribs: Readonly<Record<string, string>>
  readonly text: string
}

/** Every element in order, and the text below it. */
function elementsOf(html: string): Element[] {
  const found: Element[] = []
  const textOf = (node: ReturnType<typeof parseDocument>['children'][number]): string => {
    if ('data' in node) return node.data
    return 'children' in node ? node.children.map((child) => textOf(child)).join('') : ''
  }
  const walk = (nodes: ReturnType<typeof parseDocument>['children']): void => {
    for (const node of nodes) {
      if ('attribs' in node) found.push({ name: node.name, attribs: node.attribs, text: textOf(node) })
      if ('children' in node) walk(node.children)
    }
  }
  walk(parseDocument(html).children)
  return found
}

function textsOf(pages: ReturnType<typeof projectPages>): { html: string; json: string } {
  const [html, json] = pages.map(({ bytes }) => new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  return { html: html!, json: json! }
}

const elementsAllowed = new Set(['html', 'head', 'meta', 'title', 'body', 'h1', 'a', 'br'])
const attributesAllowed = new Set([
  'href',
  'data-requires-python',
  'data-yanked',
  'data-core-metadata',
  'data-dist-info-metadata',
  'data-provenance',
])

/** Checks a page against the rules of PEP 503, 592, 629, 658, 714, 740 and 792, and gives its anchors as the JSON form would tell them. */
function readHtml(html: string) {
  assert.ok(html.startsWith('<!DOCTYPE html>\n'))
  const elements = elementsOf(html)
  assert.deepEqual(
    elements.filter((element) => !elementsAllowed.has(element.name)),
    [],
  )
  const metas = elements.filter((element) => element.name === 'meta' && element.attribs['name'] !== undefined)
  const contentOf = (key: string) => metas.filter(({ attribs }) => attribs['name'] === key).map(({ attribs }) => attribs['content'])
  assert.deepEqual(contentOf('pypi:repository-version'), ['1.4'])
  const [status] = contentOf('pypi:project-status')
  const [reason] = contentOf('pypi:project-status-reason')
  return {
    ...(status === undefined ? {} : { status: { status, ...(reason === undefined ? {} : { reason }) } }),
    files: elements.filter((element) => element.name === 'a').map(readAnchor),
  }
}

function readAnchor({ attribs, text }: Element) {
  assert.deepEqual(
    Object.keys(attribs).filter((each) => !attributesAllowed.has(each)),
    [],
  )
  const href = attribs['href']!
  assert.match(href, /^[A-Za-z0-9._~%/#=-]+$/)
  const url = new URL(href, pageUrl)
  assert.equal(decodeURIComponent(url.pathname.split('/').at(-1)!), text)
  assert.ok(url.pathname.startsWith('/py/v2/gfx94X+dcgpu/') && url.pathname.split('/').length === 5, url.pathname)
  if (url.hash !== '') assert.match(url.hash, /^#sha256=[0-9a-f]{64}$/)
  const metadata = attribs['data-core-metadata']
  assert.equal(attribs['data-dist-info-metadata'], metadata)
  const provenance = attribs['data-provenance']
  if (provenance !== undefined) assert.equal(provenance, `${url.origin}${url.pathname.replaceAll('+', '%2B')}.provenance`)
  return omitUndefined({
    filename: text,
    url: href.replace(/#.*$/, ''),
    hashes: url.hash === '' ? {} : { sha256: url.hash.slice('#sha256='.length) },
    'requires-python': attribs['data-requires-python'],
    yanked: attribs['data-yanked'] === '' ? true : attribs['data-yanked'],
    'core-metadata': metadata === undefined ? undefined : { sha256: metadata.replace(/^sha256=/, '') },
    provenance,
  })
}

function omitUndefined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
}

/** What both forms tell of a file: only the JSON form has sizes and times. */
function sharedFacts(json: v.InferOutput<typeof projectSchema>) {
  const files = json.files.map((file) => {
    const { size: _, 'upload-time': __, ...shared } = file
    return omitUndefined(shared)
  })
  return omitUndefined({ status: json['project-status'], files })
}

function checkPages(record: ProjectRecord): v.InferOutput<typeof projectSchema> {
  const { html, json } = textsOf(projectPages(prefix, record, environment))
  const parsed = v.parse(projectSchema, JSON.parse(json))
  assert.deepEqual(readHtml(html), sharedFacts(parsed))
  return parsed
}

const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '<',
      '>',
      '"',
      "'",
      '&',
      '&amp;',
      '</a>',
      '<script>',
      '-->',
      '%',
      '+',
      '#',
      '?',
      ' ',
      '\n',
      '\r',
      '\0',
      '\u2028',
      '\ud800',
    ),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
})
const digest = fc.nat().map((number): Digest => digestOf(String(number)))
const fileName = hostile
  .map(
    (text) =>
      `${text
        .replaceAll(/[/\p{Cc}]/gu, '')
        .toWellFormed()
        .replaceAll(/\p{Noncharacter_Code_Point}/gu, '')}x.whl`,
  )
  .filter((text) => !text.startsWith('.'))
const someFile: fc.Arbitrary<PublishedFile> = fc.record(
  {
    kind: fc.constantFrom('wheel' as const, 'sdist' as const),
    name: fileName,
    version: fc.constantFrom('1.0', '2.0+rocm6.4', '2!1.0.dev3'),
    size: fc.maxSafeNat(),
    etag: hostile,
    uploaded: fc.constant('2025-01-07T14:30:00Z'),
    digest,
    requiresPython: fc.oneof(fc.constantFrom('>=3.9,<4', '', '!=3.0.*'), hostile),
    yanked: fc.oneof(fc.constant(''), hostile),
    metadata: digest,
    provenance: digest,
  },
  { requiredKeys: ['kind', 'name', 'version', 'size', 'etag', 'uploaded'] },
)
const someRecord = fc
  .record({
    files: fc.uniqueArray(someFile, { maxLength: 6, selector: (file) => file.name }),
    status: fc.record(
      { status: fc.constantFrom('active' as const, 'archived' as const, 'quarantined' as const, 'deprecated' as const), reason: hostile },
      { requiredKeys: ['status'] },
    ),
  })
  .map(({ files, status }) => projectRecord('demo', files, { status }))

describe('the pages of any project', () => {
  it('follow the grammar in both forms, and both tell the same', () => {
    fc.assert(
      fc.property(someRecord, (record) => {
        const { name: told, files, versions } = checkPages(record)
        assert.equal(told, 'demo')
        assert.deepEqual(
          files.map(({ filename }) => filename),
          record.status.status === 'quarantined' ? [] : record.files.map((file) => file.name),
        )
        assert.deepEqual(new Set(versions), new Set(record.files.map((file) => file.version)))
      }),
      { seed: testSeed, numRuns: 500 },
    )
  })

  it('cannot be made to hold an element or attribute of somebody else', () => {
    for (const text of ['</a><script>alert(1)</script>', '" onclick="x', "' onclick='x", '--><b>', '&quot; x', '<!--', ']]>', '</title>']) {
      const file = publishedFile(`a${text.replaceAll('/', '')}.whl`, { yanked: text, requiresPython: text })
      const { files } = checkPages(projectRecord('demo', [file], { status: { status: 'deprecated', reason: text } }))
      assert.deepEqual([files[0]!.filename, files[0]!.yanked, files[0]!['requires-python']], [file.name, text, text])
    }
  })
})

describe('the root pages of any index', () => {
  it('follow the grammar in both forms, and both tell the same', () => {
    const names = fc.array(fc.stringMatching(/^[a-z0-9]+(-[a-z0-9]+){0,2}$/), { maxLength: 8 })
    fc.assert(
      fc.property(names, (projects) => {
        const { html, json } = textsOf(rootPages(prefix, projects))
        const told = v.parse(rootSchema, JSON.parse(json)).projects.map((project) => project.name)
        const elements = elementsOf(html)
        const anchors = elements.filter((element) => element.name === 'a')
        assert.ok(elements.some(({ attribs }) => attribs['name'] === 'pypi:repository-version' && attribs['content'] === '1.4'))
        assert.deepEqual(told, [...new Set(projects)].sort())
        assert.deepEqual(
          anchors.map(({ text, attribs }) => [text, attribs]),
          told.map((project) => [project, { href: `${project}/` }]),
        )
      }),
      { seed: testSeed, numRuns: 100 },
    )
  })
})
