import assert from 'node:assert/strict'
import { test } from 'node:test'
import { indexDesk } from '../../../test/fakes/index-desk.ts'
import { indexesOf, placeOf } from './layout.ts'

const never = () => false
const wheel = 'Foo_Bar-1.0-py3-none-any.whl'

test('what an object is to an index is told by its name', () => {
  const kinds: Readonly<Record<string, string>> = {
    [wheel]: 'file',
    'foo-1.0.tar.gz': 'file',
    'foo-1.0.zip': 'file',
    [`${wheel}.metadata`]: 'metadata',
    [`${wheel}.provenance`]: 'provenance',
    'foo-1.0.tar.gz.metadata': 'foreign',
    'foo-1.0.tar.gz.provenance': 'provenance',
    'index.html': 'root',
    'index.json': 'root',
    'foo-bar/index.html': 'page',
    'foo-bar/index.json': 'page',
    'Foo.Bar/index.html': 'foreign',
    'foo-bar/other.html': 'foreign',
    'foo-bar/deep/index.html': 'foreign',
    'README.md': 'foreign',
    '': 'foreign',
    '/index.html': 'foreign',
    '../index.html': 'foreign',
    'what.whl': 'nameless',
    'foo-not_a_version-py3-none-any.whl': 'file',
  }
  const found = Object.fromEntries(Object.keys(kinds).map((name) => [name, placeOf('v2', name, never).kind]))
  assert.deepEqual(found, kinds)
  const bad = placeOf('v2', 'foo-not_a_version-py3-none-any.whl', never)
  assert.ok(bad.kind === 'file' && bad.project === 'foo' && bad.bad !== undefined)
})

test('folders that are an index, or lead to one, are no pages of another', () => {
  const { context } = indexDesk({
    environment: {
      prefixes: ['', 'v2/gfx94x'],
      dependencies: [{ name: 'a', projects: [], versions: [], target: 'deps/all', takesSources: false }],
    },
  })
  const isIndex = indexesOf(context, ['archives/v2/2025-01'])
  const within = ['v2', 'v2/gfx94x', 'deps', 'v2/gfx94x/deps/all', 'archives', 'archives/v2/2025-01']
  assert.deepEqual(
    within.map((prefix) => isIndex(prefix)),
    within.map(() => true),
  )
  assert.ok(!isIndex('v3') && !isIndex('v2/gfx9'))
  assert.equal(placeOf('', 'v2/index.html', isIndex).kind, 'inner')
  assert.equal(placeOf('', 'v2-1.0-py3-none-any.whl', isIndex).kind, 'nameless')
})
