import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Fault } from '../kit/index.ts'
import { type ConfigOverride, configTemplate, loadConfig } from './index.ts'

const scratch = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'holdfast-config-')))
after(() => rmSync(scratch, { recursive: true, force: true }))

let folders = 0
function project(toml?: string): string {
  const folder = path.join(scratch, `project-${++folders}`)
  mkdirSync(folder)
  if (toml !== undefined) writeFileSync(path.join(folder, 'holdfast.toml'), toml)
  return folder
}

async function load(toml: string, env: Record<string, string> = {}, overrides: ConfigOverride[] = []) {
  return loadConfig({ cwd: project(toml), env, overrides })
}

async function faultOf(toml: string, env: Record<string, string> = {}, overrides: ConfigOverride[] = []): Promise<Fault> {
  try {
    await load(toml, env, overrides)
  } catch (error) {
    assert.ok(error instanceof Fault, String(error))
    return error
  }
  throw new assert.AssertionError({ message: 'nothing was found wrong' })
}

const sample = `
[store]                                  # HOLDFAST_STORE_URL overrides url; made on first write, and said
url = "file:./.holdfast/store"           # file:///abs, s3://bucket/prefix, sftp://user@host:port/path, memory:
[store.s3]                               # endpoint, region, profile, path_style, …

[release.rcclx]
artifact = "out/librcclx-dev.a"
build    = "make rcclx ROCM={constraint}"
variant_flag = "rocm-version"
variants = { "6.2" = { constraint = "6.2.1" }, "6.4" = { constraint = "6.4.2" }, "7.0" = { constraint = "7.0" } }
metadata = "snapshots"
sources  = { rcclx = ".", fbsource = ".." }
publish  = "s3://rcclx-prebuilt-artifacts/tree"

[index]                                  # the default environment; [index.env.dev], [index.env.nightly] override keys
bucket   = "s3://therock-dev-python"
prefixes = ["v2-staging/gfx94X-dcgpu", "v2/gfx94X-dcgpu"]
[index.dependencies.numpy]
projects = ["torch", "rocm"]
versions = ["latest", "2.1.3"]

[images]
preset = "velox"                         # repo, workflow, gitlab_host, gitlab_project, registry, moving = ["latest"], …

[env.stage]
path = "cache/data"
mode = "auto"

[runs]
root = "/data/experiments"

[[job]]
run = "images sync --missing"
every = "15m"
`

describe('the sample of the design', () => {
  test('loads as it stands, with every path absolute', async () => {
    const cwd = project(sample)
    const config = await loadConfig({ cwd, env: {} })
    assert.equal(config.root, cwd)
    assert.equal(config.file, path.join(cwd, 'holdfast.toml'))
    assert.equal(config.store.url, `file://${cwd}/.holdfast/store`)
    assert.deepEqual(config.release['rcclx'], {
      name: 'rcclx',
      artifacts: [path.join(cwd, 'out/librcclx-dev.a')],
      build: 'make rcclx ROCM={constraint}',
      variantFlag: 'rocm-version',
      variantLabel: 'ROCm version',
      variants: { '6.2': { constraint: '6.2.1' }, '6.4': { constraint: '6.4.2' }, '7.0': { constraint: '7.0' } },
      metadata: path.join(cwd, 'snapshots'),
      sources: { rcclx: cwd, fbsource: scratch },
      publish: { url: 's3://rcclx-prebuilt-artifacts/tree', public: false, cacheControl: undefined },
      onConflict: 'retry',
      keep: undefined,
      keepWithin: undefined,
      root: cwd,
    })
    assert.deepEqual(config.index?.dependencies, { numpy: { projects: ['torch', 'rocm'], versions: ['latest', '2.1.3'], sources: false } })
    assert.equal(config.images?.preset, 'velox')
    assert.equal(config.env['stage']?.path, path.join(cwd, 'cache/data'))
    assert.equal(config.runs?.root, '/data/experiments')
    const [job, ...others] = config.jobs
    assert.deepEqual([job?.name, job?.words, job?.schedule], ['images-sync', ['images', 'sync', '--missing'], { every: 900_000 }])
    assert.deepEqual(others, [])
    assert.deepEqual(config.notes, [])
  })
})

describe('finding the file', () => {
  test('goes upwards from the working directory', async () => {
    const cwd = project('[store]\nurl = "file:./shared"\n')
    const below = path.join(cwd, 'a/b')
    mkdirSync(below, { recursive: true })
    const config = await loadConfig({ cwd: below, env: {} })
    assert.equal(config.root, cwd)
    assert.equal(config.store.url, `file://${cwd}/shared`)
    assert.equal(config.origin('store.url'), '../../holdfast.toml:2')
  })

  test('is content with none: everything has its default', async () => {
    const cwd = project()
    const config = await loadConfig({ cwd, env: {} })
    assert.equal(config.file, undefined)
    assert.equal(config.root, cwd)
    assert.equal(config.store.url, `file://${cwd}/.holdfast/store`)
    assert.deepEqual(config.store.s3, {
      endpoint: undefined,
      region: undefined,
      profile: undefined,
      pathStyle: undefined,
      partSize: 8 << 20,
      concurrency: 4,
    })
    assert.deepEqual(config.release, {})
    assert.equal(config.origin('store.url'), 'default')
  })

  test('takes the file that is asked for, and says when it is not there', async () => {
    const cwd = project()
    writeFileSync(path.join(cwd, 'other.toml'), '[store]\nurl = "memory:"\n')
    assert.equal((await loadConfig({ cwd, env: { HOLDFAST_CONFIG: 'other.toml' } })).store.url, 'memory:')
    assert.equal((await loadConfig({ cwd, env: { HOLDFAST_CONFIG: 'none.toml' }, file: 'other.toml' })).store.url, 'memory:')
    await assert.rejects(loadConfig({ cwd, env: {}, file: 'none.toml' }), { code: 'not-found', at: path.join(cwd, 'none.toml') })
  })
})

test('a folder with spaces, percent signs and umlauts survives as a URL', async () => {
  const url = (await load('[store]\nurl = "file:./größe 100%25/s"\n')).store.url
  assert.equal(path.basename(path.dirname(fileURLToPath(url))), 'größe 100%')
})

describe('variables and flags', () => {
  test('win over the file, flags over variables, and each value says where it comes from', async () => {
    const toml = '[store]\nurl = "memory:file"\n[store.s3]\nregion = "a"\nprofile = "b"\n'
    const config = await load(toml, { HOLDFAST_STORE_URL: 'memory:variable', HOLDFAST_STORE_S3_REGION: 'c' }, [
      { key: 'store.url', value: 'memory:flag', flag: '--store' },
    ])
    assert.equal(config.store.url, 'memory:flag')
    assert.equal(config.store.s3.region, 'c')
    assert.equal(config.store.s3.profile, 'b')
    assert.equal(config.origin('store.url'), '--store')
    assert.equal(config.origin('store.s3.region'), 'HOLDFAST_STORE_S3_REGION')
    assert.equal(config.origin('store.s3.profile'), 'holdfast.toml:5')
    assert.equal(config.origin('store.s3.endpoint'), 'default')
  })

  test('are read as the key’s type', async () => {
    const config = await load('[release.my-lib]\nartifact = "a"\nvariants = { "1" = {} }\n', {
      HOLDFAST_STORE_S3_PATH_STYLE: 'true',
      HOLDFAST_STORE_S3_CONCURRENCY: '9',
      HOLDFAST_STORE_S3_PART_SIZE: '64MiB',
      HOLDFAST_RELEASE_MY_LIB_ARTIFACT: '/b, /c',
      HOLDFAST_RELEASE_MY_LIB_KEEP_WITHIN: '2h',
    })
    assert.equal(config.store.s3.pathStyle, true)
    assert.equal(config.store.s3.concurrency, 9)
    assert.equal(config.store.s3.partSize, 64 << 20)
    assert.deepEqual(config.release['my-lib']!.artifacts, ['/b', '/c'])
    assert.equal(config.release['my-lib']!.keepWithin, 7_200_000)
  })

  test('count their paths from the working directory, the file from its own folder', async () => {
    const cwd = project('[store]\nurl = "file:s"\n')
    const below = path.join(cwd, 'below')
    mkdirSync(below)
    const config = await loadConfig({ cwd: below, env: {}, overrides: [{ key: 'store.url', value: 'file:s', flag: '--store' }] })
    assert.equal(config.store.url, `file://${below}/s`)
  })

  test('with a wrong value are named as its place', async () => {
    const fault = await faultOf('', { HOLDFAST_STORE_S3_PATH_STYLE: 'maybe' })
    assert.equal(fault.message, 'HOLDFAST_STORE_S3_PATH_STYLE: store.s3.path_style: expected true or false, found "maybe"')
    assert.match(
      (await faultOf('', {}, [{ key: 'store.url', value: 's4://b', flag: '--store' }])).message,
      /^--store: store\.url: expected a URL/,
    )
  })

  test('that set nothing are noted, with the nearest that would', async () => {
    const config = await load('', { HOLDFAST_STORE_ULR: 'memory:', HOLDFAST_TEST_REQUIRE: '1' })
    assert.deepEqual(config.notes, ['HOLDFAST_STORE_ULR is set and sets no key of the configuration; did you mean HOLDFAST_STORE_URL?'])
  })
})

describe('a mistake in the file', () => {
  const release = '[release.x]\nartifact = "a"\nvariants = { "1" = {} }\n'
  const cases: [name: string, toml: string, message: string][] = [
    ['an unknown key', '[store]\nulr = "memory:"\n', 'holdfast.toml:2:1: store.ulr: unknown key; did you mean "url"?'],
    ['an unknown table', `[relase.x]\nartifact = "a"\n`, 'holdfast.toml:1:2: relase: unknown key; did you mean "release"?'],
    ['a key like no other', '[store]\nzzzzzz = 1\n', 'holdfast.toml:2:1: store.zzzzzz: unknown key; expected one of: url, s3, sftp'],
    [
      'a wrong type',
      `${release}publish_public = "yes"\n`,
      'holdfast.toml:4:18: release.x.publish_public: expected true or false, found "yes"',
    ],
    [
      'a number where text is meant',
      '[release.x]\nartifact = "a"\n[release.x.variants."7.0"]\nconstraint = 7.0\n',
      'holdfast.toml:4:14: release.x.variants."7.0".constraint: expected text in quotes, found 7 (a number)',
    ],
    [
      'a wrong choice',
      `${release}on_conflict = "retyr"\n`,
      'holdfast.toml:4:15: release.x.on_conflict: expected one of "retry", "fail", found "retyr"; did you mean "retry"?',
    ],
    [
      'a missing key',
      '\n[release.x]\nvariants = { "1" = {} }\n',
      'holdfast.toml:2:2: release.x.artifact: missing; this key is required: What the build makes: a file, a directory, or a list of them.',
    ],
    [
      'no variants',
      '[release.x]\nartifact = "a"\nvariants = {}\n',
      'holdfast.toml:3:12: release.x.variants: expected at least one variant, such as { "6.4" = { constraint = "6.4.2" } }, found a table',
    ],
    ['a table where a list is meant', '[job]\nrun = "x"\n', 'holdfast.toml:1:2: job: expected a list, found a table'],
    ['a value where a table is meant', 'store = 5\n', 'holdfast.toml:1:9: store: expected a table, found 5 (a number)'],
    [
      'an item of a list',
      '[[job]]\nrun = "x"\nevery = "1h"\n[[job]]\nrun = "y"\nevery = "soon"\n',
      'holdfast.toml:6:9: job[1].every: expected a duration such as "15m", "24h" or "90d", found "soon"',
    ],
    [
      'a flag that is taken',
      `${release}variant_flag = "force"\n`,
      'holdfast.toml:4:16: release.x.variant_flag: expected a flag’s name that no release command uses for something else, found "force"',
    ],
    ['a name that objects have', '[release.constructor]\n', 'holdfast.toml:1:2: release.constructor: constructor cannot be a name here'],
  ]
  for (const [name, toml, message] of cases) {
    test(`${name} is told with file, line, column, key and what was expected`, async () => {
      const fault = await faultOf(toml)
      assert.equal(fault.code, 'invalid')
      assert.equal(fault.message, message)
    })
  }

  test('bad URLs are told with the forms that there are, and the likely one', async () => {
    const urlProblem = async (url: string) => (await faultOf(`[store]\nurl = ${JSON.stringify(url)}\n`)).message
    assert.match(
      await urlProblem('s4://bucket/x'),
      /^holdfast\.toml:2:7: store\.url: expected a URL: .*s3:\/\/bucket\/prefix.*, found "s4:\/\/bucket\/x"; did you mean "s3:\/\/bucket\/x"\?$/,
    )
    assert.match(await urlProblem('./store'), /did you mean "file:\.\/store"\?$/)
    assert.match(await urlProblem('s3://'), /expected a URL/)
    assert.match(await urlProblem('sftp://host'), /expected a URL/)
    assert.match(await urlProblem('file:'), /expected a URL/)
    assert.match(await urlProblem('file:./100%'), /expected a URL/)
  })

  test('a password in a URL is refused and not shown', async () => {
    const fault = await faultOf('[store]\nurl = "sftp://me:hunter22@host/x"\n')
    assert.match(fault.message, /no password/)
    assert.doesNotMatch(fault.message, /hunter22/)
  })

  test('neither is one that makes the URL another, or is cut with it', async () => {
    const long = 'x'.repeat(200)
    for (const [key, url] of [
      ['store.url', 'sftp://me:hunter22#/more@host/x'],
      ['store.url', 's4://AKIA:hunter22/more@bucket/x'],
      ['store.url', `sftp://me:hunter22${long}@host/x`],
      ['queue', 'postgres://me:hunter22#more@host/jobs'],
      ['queue', 'postgres://me:hunter22%zz@host/jobs'],
      ['queue', 'postgres:me:hunter22?more@host/jobs'],
      ['store.s3.endpoint', 'https://hunter22@host'],
    ]) {
      const { code, message } = await faultOf(`${key} = "${url}"\n`)
      assert.equal(code, 'invalid')
      assert.match(message, /expected a URL.*\[hidden\]/)
      assert.doesNotMatch(message, /hunter22|more/)
    }
  })

  const product = (name: string, keys: string) => `[release.${name}]\nartifact = "out/a.a"\nvariants = { "1" = {} }\n${keys}\n`
  for (const [what, toml, message] of [
    [
      'published into the store',
      product('x', 'publish = "file:./.holdfast/store"'),
      /release\.x\.publish: file:.* lies in the store file:/,
    ],
    [
      'published below the store',
      `[store]\nurl = "s3://bucket/a"\n${product('x', 'publish = "s3://bucket/a/tree/"')}`,
      /:6:11: .*lies in the store/,
    ],
    ['metadata in the store', product('x', 'metadata = ".holdfast/store/m"'), /release\.x\.metadata: the folder lies in the store/],
    [
      'metadata where files are published',
      product('x', 'metadata = "m"\npublish = "file:./m"'),
      /release\.x\.metadata: the same folder as publish/,
    ],
    [
      'metadata of two products',
      product('x', 'metadata = "m"') + product('y', 'metadata = "./m"'),
      /:8:12: release\.y\.metadata: x writes stable\/1\/metadata\.txt/,
    ],
    [
      'two products under one key',
      product('x', 'publish = "s3://bucket"') + product('y', 'publish = "s3://bucket"'),
      /release\.y\.publish: x publishes stable\/1\/a\.a/,
    ],
  ] as const) {
    test(`${what} is refused`, async () => {
      assert.match((await faultOf(toml)).message, message)
    })
  }

  test('places beside each other are fine, and a store may lie in the bucket that is published', async () => {
    await load(product('x', 'publish = "file:./.holdfast/store-of-x"\nmetadata = "tree/meta"'))
    await load(`[store]\nurl = "s3://bucket/holdfast"\n${product('x', 'publish = "s3://bucket"\nmetadata = "m"')}`)
    await load(product('x', 'publish = "s3://bucket/x"\nmetadata = "x"') + product('y', 'publish = "s3://bucket/y"\nmetadata = "y"'))
  })

  test('all problems are told at once, in one fault', async () => {
    const fault = await faultOf('[store]\nulr = 1\n[release.x]\nartifact = []\nvariants = { "1" = {} }\nkeep = -1\n')
    assert.match(
      fault.message,
      /^3 problems in the configuration:\n {2}holdfast\.toml:2:1: .*\n {2}holdfast\.toml:4:12: .*\n {2}holdfast\.toml:6:8: .*$/,
    )
    for (const key of ['store.ulr', 'release.x.artifact', 'release.x.keep']) assert.ok(fault.message.includes(`${key}: `), key)
  })

  for (const [toml, message] of [
    ['[store]\nurl = \n', 'holdfast.toml:2:7: not valid TOML: unspecified values are invalid'],
    ['a = 1\na = 2\n', 'holdfast.toml:2:1: not valid TOML: defining a key multiple times is invalid'],
    ['[store\nurl = "x"\n', 'holdfast.toml:1:7: not valid TOML: '],
  ] as const) {
    test(`what is not TOML is told with line and column: ${JSON.stringify(toml)}`, async () => {
      const fault = await faultOf(toml)
      assert.equal(fault.code, 'invalid')
      assert.ok(fault.message.startsWith(message), fault.message)
    })
  }
})

describe('the template that init writes', () => {
  test('loads as it is', async () => {
    const config = await load(configTemplate())
    assert.match(config.store.url, /\.holdfast\/store$/)
    assert.deepEqual(config.release, {})
  })

  test('loads with its examples switched on', async () => {
    const config = await load(configTemplate().replaceAll(/^# (?=\[|[a-z_]+ = )/gm, ''))
    assert.deepEqual(Object.keys(config.release), ['mylib'])
    assert.equal(config.release['mylib']!.variantLabel, 'Mylib version')
    assert.equal(config.store.s3.region, 'us-east-1')
  })
})
