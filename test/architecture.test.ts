import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { bundled } from './check/bundled.ts'
import { uncommentedFunctions } from './check/public-functions.ts'
import { describeOffence, findOffences, importsOf, packageOf, type Source } from './check/house.ts'

const root = path.resolve(import.meta.dirname, '..')
const sources = globSync('src/**/*.ts', { cwd: root })
  .map((file) => file.replaceAll(path.sep, '/'))
  .toSorted()
  .map((file): Source => ({ file, text: readFileSync(path.join(root, file), 'utf8') }))

test('the house stands: floors, front doors, names, sizes, and a sealed inside', () => {
  assert.deepEqual(findOffences(sources).map(describeOffence), [])
})

describe('what the package exports', () => {
  const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { 'holdfast-source': string }>
  }
  const faces = Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [] : [entry['holdfast-source'].replace('./', '')]))

  test('says of each function what it promises', () => {
    assert.ok(faces.length > 15)
    assert.deepEqual(uncommentedFunctions(sources, faces), [])
  })

  test('and one that says nothing is noticed', () => {
    const silent = [
      { file: 'src/a/index.ts', text: "export { find, type Found, put as place } from './b.ts'\n" },
      {
        file: 'src/a/b.ts',
        text: '/** Gives it. */\nexport async function put() {}\n\nexport function find() {}\n\nexport function inner() {}\n',
      },
    ]
    assert.deepEqual(uncommentedFunctions(silent, ['src/a/index.ts']), ['src/a/b.ts: find'])
  })
})

describe('the dependencies', () => {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Record<
    'dependencies' | 'devDependencies' | 'peerDependencies',
    Record<string, string>
  >
  const decided = [...readFileSync(path.join(root, 'docs/decisions/dependencies.md'), 'utf8').matchAll(/^\| `([^`]+)` \|([^|]*)\|/gm)]

  test('are exactly those of docs/decisions/dependencies.md', () => {
    const listed = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)]
    assert.deepEqual(decided.map((line) => line[1]!).toSorted(), listed.toSorted())
  })

  test('have a reason each', () => {
    for (const [, name, reason] of decided)
      assert.ok(reason!.trim().length > 20, `${name} needs its reason in docs/decisions/dependencies.md`)
  })

  test('of src/ are run-time dependencies, part of the build, or what its user has', () => {
    for (const source of sources.filter(({ file }) => !file.endsWith('.test.ts'))) {
      for (const { target, line, local } of importsOf(source)) {
        if (local || target.startsWith('node:')) continue
        const name = packageOf(target)
        assert.ok(
          name in manifest.dependencies || bundled.includes(name) || name in manifest.peerDependencies,
          `${source.file}:${line}: ${target} is no run-time dependency (and Node's own modules are written node:…)`,
        )
      }
    }
  })

  test('are locked without naming the registry that they came from', () => {
    const lock = readFileSync(path.join(root, 'package-lock.json'), 'utf8')
    assert.doesNotMatch(lock, /"resolved":|:\/\/[^"]*registry/)
  })
})

describe('the rules notice', () => {
  const face = (room: string): Source => ({ file: `src/${room}/index.ts`, text: '/** What it promises. */\nexport const a = 1\n' })
  const offencesOf = (file: string, text: string, ...others: Source[]) => findOffences([...others, { file, text }]).map(describeOffence)

  test('nothing where all is well', () => {
    assert.deepEqual(
      offencesOf(
        'src/refs/move-ref.ts',
        "import { a } from '../kit/index.ts'\nimport './other.ts'\nexport const b = a\n",
        face('kit'),
        face('refs'),
      ),
      [],
    )
  })

  test('an import that goes up, with its line', () => {
    const [offence, ...rest] = offencesOf(
      'src/kit/x.ts',
      "// first\nimport type { S } from '../store/index.ts'\n",
      face('kit'),
      face('store'),
    )
    assert.equal(offence, 'src/kit/x.ts:2: imports up: kit is on floor 0, store on 1')
    assert.deepEqual(rest, [])
  })

  test('a re-export and a dynamic import that go up', () => {
    assert.match(
      offencesOf('src/kit/x.ts', "export { S } from '../store/index.ts'\n", face('kit'), face('store')).join(),
      /x\.ts:1: imports up/,
    )
    assert.match(
      offencesOf('src/kit/x.ts', "const s = await import('../store/index.ts')\n", face('kit'), face('store')).join(),
      /x\.ts:1: imports up/,
    )
  })

  test('an import over several lines, at the line of its name', () => {
    assert.match(
      offencesOf('src/kit/x.ts', "import {\n  a,\n  b,\n} from '../store/index.ts'\n", face('kit'), face('store')).join(),
      /x\.ts:4: imports up/,
    )
  })

  test('rooms of one floor that know each other', () => {
    assert.match(
      offencesOf('src/refs/x.ts', "import { c } from '../chunks/index.ts'\n", face('refs'), face('chunks')).join(),
      /both on floor 2/,
    )
  })

  test('a way past the front door', () => {
    assert.match(
      offencesOf('src/refs/x.ts', "import { c } from '../store/drivers/file.ts'\n", face('refs'), face('store')).join(),
      /past the front door/,
    )
  })

  test('a room without a face, a face without a comment, and one with a long comment', () => {
    assert.match(offencesOf('src/refs/x.ts', 'export const a = 1\n').join(), /src\/refs\/index\.ts:1: the room refs has no index\.ts/)
    assert.match(offencesOf('src/refs/index.ts', 'export const a = 1\n').join(), /does not begin with a comment/)
    assert.match(offencesOf('src/refs/index.ts', `/**\n${' * word\n'.repeat(9)} */\n`).join(), /has 11 lines/)
  })

  test('a room that is not in the table', () => {
    assert.match(offencesOf('src/cellar/index.ts', '// It promises.\n').join(), /cellar has no floor/)
  })

  test('a cycle, also within a room', () => {
    const other = { file: 'src/refs/b.ts', text: "import { a } from './a.ts'\n" }
    assert.match(
      offencesOf('src/refs/a.ts', "import { b } from './b.ts'\n", face('refs'), other).join(),
      /cycle of imports: src\/refs\/b\.ts -> src\/refs\/a\.ts -> src\/refs\/b\.ts/,
    )
  })

  test('names that say nothing or are not kebab-case', () => {
    assert.match(offencesOf('src/refs/utils.ts', '', face('refs')).join(), /the name utils says nothing/)
    assert.match(offencesOf('src/refs/helpers/x.ts', '', face('refs')).join(), /the name helpers says nothing/)
    assert.match(offencesOf('src/refs/moveRef.ts', '', face('refs')).join(), /not kebab-case/)
  })

  test("Node's recursive mkdir, except in tests", () => {
    const makes = 'await fs.mkdir(at, { recursive: true })\n'
    assert.match(offencesOf('src/refs/x.ts', makes, face('refs')).join(), /x\.ts:1: Node's recursive mkdir/)
    assert.deepEqual(offencesOf('src/refs/x.test.ts', makes, face('refs')), [])
  })

  test('default exports and files that are too long', () => {
    assert.match(offencesOf('src/refs/x.ts', 'export default 1\n', face('refs')).join(), /x\.ts:1: a default export/)
    assert.match(offencesOf('src/refs/x.ts', '\n'.repeat(401), face('refs')).join(), /x\.ts:401: the file has more than 400 lines/)
  })

  test('time, chance and environment taken instead of given, but not in words or at the edge', () => {
    for (const taken of ['Date.now()', 'new Date()', 'Math.random()', 'process.env', 'process.argv']) {
      assert.match(offencesOf('src/refs/x.ts', `const t = ${taken}\n`, face('refs')).join(), /x\.ts:1: .* outside of the edge/, taken)
    }
    assert.deepEqual(offencesOf('src/refs/x.ts', '// never Date.now()\n/* process.env */\n', face('refs')), [])
    assert.deepEqual(offencesOf('src/wire/open-wire.ts', 'const t = process.env\n', face('wire')), [])
    assert.deepEqual(offencesOf('src/refs/x.test.ts', 'const t = Date.now()\n', face('refs')), [])
  })

  test('an import only where it is code', () => {
    const text = "// import { S } from '../store/index.ts'\n/*\nimport { S } from '../store/index.ts'\n*/\nexport const text = 'x'\n"
    assert.deepEqual(offencesOf('src/kit/x.ts', text, face('kit'), face('store')), [])
  })
})
