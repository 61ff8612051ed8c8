import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { bytesOf, hexOf, systemClock } from '../../src/kit/index.ts'
import { createHttp } from '../../src/kit/http/index.ts'
import { checkIndex, describeCdn, indexHandler, publish, type IndexContext } from '../../src/python-index/index.ts'
import { clientOverBucket } from '../../src/python-index/check/client.ts'
import { openUpstream } from '../../src/python-index/upstream/upstream.ts'
import { listen } from '../../src/server/index.ts'
import { createFileStore } from '../../src/store/index.ts'
import { type BuiltDistribution, buildSdist, buildWheel } from '../fakes/distributions.ts'
import { indexDesk } from '../fakes/index-desk.ts'
import { startHttpServer } from '../fakes/http-server.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { startNginx } from '../services/nginx.ts'
import { type Pip, pipsForTests } from '../services/pip.ts'

const scratch = scratchDirectory()
const prefix = 'v2/gfx94X-dcgpu'
const wheels = {
  sdk: buildWheel({ name: 'rocm-sdk-core', version: '7.0.0rc20250115' }),
  libraries: buildWheel({ name: 'rocm_sdk.libraries', version: '7.0.0rc20250115', requires: ['rocm-sdk-core'] }),
  rocm: buildWheel({
    name: 'rocm',
    version: '7.0.0rc20250115',
    requires: ['rocm-sdk-core', 'rocm-sdk-libraries==7.0.0rc20250115; extra == "libraries"'],
    extras: ['libraries'],
  }),
  torch: buildWheel({ name: 'torch', version: '2.6.0+rocm7.0', requires: ['filelock', 'rocm[libraries]'], size: 3 << 20 }),
  older: buildWheel({ name: 'torch', version: '2.5.0', size: 3 << 20 }),
  future: buildWheel({ name: 'torch', version: '9.0', requiresPython: '>=3.99' }),
  filelock: buildWheel({ name: 'filelock', version: '3.1' }),
  app: buildWheel({ name: 'app', version: '1', requires: ['filelock', 'torch<9'] }),
  brokenApp: buildWheel({ name: 'app', version: '2', requires: ['filelock>=99'], size: 3 << 20 }),
  source: buildSdist({ name: 'Only.Source', version: '1.0' }),
} satisfies Record<string, BuiltDistribution>

interface Published {
  readonly context: IndexContext
  readonly folder: string
}

let published: Promise<Published> | undefined

/** A folder with an index, published as the command does. */
function publishedFolder(): Promise<Published> {
  published ??= (async () => {
    const folder = await mkdtemp(path.join(scratch, 'bucket-'))
    const desk = indexDesk({ environment: { bucket: pathToFileURL(folder).href, prefixes: [prefix], pageCache: 'no-cache' } })
    const context = {
      ...desk.context,
      bucket: createFileStore({ root: folder, clock: systemClock }),
      clock: systemClock,
    }
    for (const { file, bytes } of Object.values(wheels)) await context.bucket.put(`${prefix}/${file}`, bytesOf(bytes))
    for (const file of await readdir('/usr/share/python-wheels').catch(() => [])) {
      if (file.endsWith('.whl')) await context.bucket.put(`${prefix}/${file}`, bytesOf(await readFile(`/usr/share/python-wheels/${file}`)))
    }
    await publish(context, { prefixes: [prefix] })
    return { context, folder }
  })()
  return published
}

interface Served {
  /** Of the index, with its slash. */
  readonly url: string
  /** `GET name` of everything below the index that came, with its status. */
  readonly log: string[]
}

async function served(t: TestContext): Promise<Served> {
  const { context } = await publishedFolder()
  const handler = indexHandler(context)
  const log: string[] = []
  const server = await listen({
    port: 0,
    clock: systemClock,
    limits: { grace: 0 },
    handler: async (request) => {
      const response = await handler(request)
      log.push(`${request.method} ${decodeURIComponent(new URL(request.url).pathname).slice(prefix.length + 2)} ${response.status}`)
      return response
    },
  })
  t.after(() => server.close())
  return { url: `${server.url}/${prefix}/`, log }
}

/** Through what stands in front, too. */
async function behindNginx(t: TestContext): Promise<Served> {
  const { context, folder } = await publishedFolder()
  const directory = await mkdtemp(path.join(scratch, 'nginx-'))
  const nginx = await startNginx(directory, describeCdn({ ...context.environment, bucket: pathToFileURL(folder).href }, 'nginx'))
  t.after(() => nginx.stop())
  return { url: `${nginx.url}/${prefix}/`, log: [] }
}

/** A bucket as S3 is over HTTP: keys alone, a plus sign is a space, and what does not exist is forbidden. */
async function behindNginxAndBucket(t: TestContext): Promise<Served> {
  const { context } = await publishedFolder()
  const client = clientOverBucket({ ...context.bucket, can: { ...context.bucket.can, metadata: true } })
  const server = await startHttpServer(async (incoming, outgoing) => {
    const key = decodeURIComponent(incoming.url!.replaceAll('+', ' ')).slice('/wheels/'.length)
    const { range, 'if-none-match': held } = incoming.headers
    const headers = { ...(range === undefined ? {} : { range }), ...(held === undefined ? {} : { 'if-none-match': held }) }
    const url = `bucket:///${key.split('/').map(encodeURIComponent).join('/')}`
    const answer = key.endsWith('/') ? undefined : await client.ask({ url, method: incoming.method as 'GET', headers })
    const type = key.endsWith('html')
      ? 'text/html; charset=utf-8'
      : key.endsWith('json')
        ? 'application/vnd.pypi.simple.v1+json'
        : 'application/octet-stream'
    outgoing.writeHead(answer === undefined || answer.status === 404 ? 403 : answer.status, { ...answer?.headers, 'content-type': type })
    for await (const piece of answer?.body ?? []) outgoing.write(piece)
    outgoing.end()
  })
  t.after(() => server.close())
  const directory = await mkdtemp(path.join(scratch, 'nginx-'))
  const nginx = await startNginx(directory, describeCdn({ ...context.environment, bucket: `${server.url}/wheels` }, 'nginx'))
  t.after(() => nginx.stop())
  return { url: `${nginx.url}/${prefix}/`, log: [] }
}

async function eachPip(t: TestContext, work: (pip: Pip) => Promise<void>): Promise<void> {
  for (const pip of await pipsForTests(t, scratch)) await t.test(`pip ${pip.version.join('.')}`, () => work(pip))
}

const hashed = (name: string, { version, digest }: { version: string; digest: BuiltDistribution['digest'] }) =>
  `${name}==${version} --hash=sha256:${hexOf(digest)}`

for (const [place, open] of [
  ['an index that is served', served],
  ['an index in a folder behind nginx', behindNginx],
  ['an index in a bucket behind nginx', behindNginxAndBucket],
] as const) {
  describe(place, () => {
    it('is what pip installs from: dependencies, an extra, a local version with its plus sign, a name spelt otherwise', async (t) => {
      const { url } = await open(t)
      await eachPip(t, async (pip) => {
        const folder = await pip.install('--index-url', url, 'Torch', 'rocm[libraries]')
        assert.equal(await pip.say(folder, 'import torch, rocm_sdk_libraries; print(torch.__version__)'), '2.6.0+rocm7.0')
        const exact = await pip.install('--index-url', url, 'torch==2.6.0+rocm7.0', '--no-deps')
        assert.equal(await pip.say(exact, 'import torch; print(torch.__version__)'), '2.6.0+rocm7.0')
      })
    })

    it('is as installers want it, all of it', async (t) => {
      const { url } = await open(t)
      const http = createHttp({ clock: systemClock, random: Math.random, userAgent: 'test' })
      t.after(() => http.close())
      const { findings, files } = await checkIndex({ url, http }, { deep: true })
      assert.deepEqual(findings, [])
      assert.ok(files >= Object.keys(wheels).length)
    })

    it('answers pip about what it lacks as an index does', async (t) => {
      const { url } = await open(t)
      await eachPip(t, async (pip) => {
        const { status, stderr } = await pip.run('download', '--index-url', url, 'not-in-here')
        assert.notEqual(status, 0)
        assert.match(stderr, /No matching distribution found for not-in-here/)
      })
    })
  })
}

describe('pip and an index that is served', () => {
  it('gives what is asked for with hashes, and nothing under another hash', async (t) => {
    const { url } = await served(t)
    const { digest } = wheels.filelock
    await eachPip(t, async (pip) => {
      const file = path.join(scratch, `requirements-${pip.version.join('-')}.txt`)
      await writeFile(file, `${hashed('filelock', { version: '3.1', digest })}\n`)
      const folder = await pip.install('--index-url', url, '--require-hashes', '-r', file)
      assert.equal(await pip.say(folder, 'import filelock; print(filelock.__version__)'), '3.1')
      await writeFile(file, `${hashed('filelock', { version: '3.1', digest: wheels.torch.digest })}\n`)
      const { status, stderr } = await pip.run('download', '--index-url', url, '--require-hashes', '-r', file, '--dest', scratch)
      assert.notEqual(status, 0)
      assert.match(stderr, /DO NOT MATCH THE HASHES/)
    })
  })

  it('is what pip builds from a source distribution', async (t) => {
    const { url } = await served(t)
    await eachPip(t, async (pip) => {
      const folder = await pip.install('--index-url', url, 'only-source')
      assert.equal(await pip.say(folder, 'import only_source; print(only_source.__version__)'), '1.0')
    })
  })

  it('has the wheels that Debian ships, which pip downloads as they are', async (t) => {
    const { url } = await served(t)
    const file = (await readdir('/usr/share/python-wheels').catch(() => [])).find((name) => name.startsWith('pip-'))
    if (file === undefined) return t.skip('no wheels of Debian: apt-get install python3-pip-whl')
    await eachPip(t, async (pip) => {
      const dest = await mkdtemp(path.join(scratch, 'downloaded-'))
      const { status, tail } = await pip.run('download', '--no-deps', '--dest', dest, '--index-url', url, 'pip')
      assert.equal(status, 0, tail.join('\n'))
      assert.deepEqual(await readFile(path.join(dest, file)), await readFile(`/usr/share/python-wheels/${file}`))
    })
  })

  it('says what versions there are', async (t) => {
    const { url } = await served(t)
    await eachPip(t, async (pip) => {
      const { stdout, tail } = await pip.run('index', 'versions', '--index-url', url, 'torch')
      assert.match(stdout, /Available versions: 2\.6\.0\+rocm7\.0, 2\.5\.0\n/, tail.join('\n'))
    })
  })
})

describe('resolving against an index that is served', () => {
  it('reads METADATA alone, and then each wheel that was chosen once', async (t) => {
    const { url, log } = await served(t)
    await eachPip(t, async (pip) => {
      const [major, minor] = pip.version
      // pip before 23.2 looks for these under the name that they had before PEP 714, which would break others in JSON.
      if (major < 23 || (major === 23 && minor < 2)) return
      log.length = 0
      const folder = await pip.install('--index-url', url, 'app')
      assert.equal(await pip.say(folder, 'import app; print(app.__version__)'), '1')
      assert.ok(
        log.every((line) => line.endsWith(' 200')),
        log.join('\n'),
      )
      const metadata = log.filter((line) => line.includes('.whl.metadata '))
      const read = log.filter((line) => line.includes('.whl '))
      const names = (lines: readonly string[]) => lines.map((line) => line.split(/[ -]/, 3).slice(1).join(' ')).sort()
      const nightly = ['rocm', 'rocm_sdk_core', 'rocm_sdk_libraries'].map((name) => `${name} 7.0.0rc20250115`)
      const chosen = ['app 1', 'filelock 3.1', ...nightly, 'torch 2.6.0+rocm7.0']
      assert.deepEqual(names(read), chosen)
      assert.deepEqual(names(metadata), ['app 1', 'app 2', ...chosen.slice(1)])
      assert.ok(log.lastIndexOf(metadata.at(-1)!) < log.indexOf(read[0]!), log.join('\n'))
    })
  })

  it('reads wheels by ranges, where pip is told to and knows no METADATA', async (t) => {
    const { url, log } = await served(t)
    await eachPip(t, async (pip) => {
      log.length = 0
      await pip.install('--use-feature=fast-deps', '--index-url', url, 'torch')
      const [major, minor] = pip.version
      if (major < 23 || (major === 23 && minor < 2)) {
        assert.ok(
          log.some((line) => line.startsWith('GET torch-2.6') && line.endsWith(' 206')),
          log.join('\n'),
        )
      }
    })
  })
})

describe('an index with another one behind it', () => {
  it('gives pip what it lacks, once from there, and what is its own from itself alone', async (t) => {
    const { url, log } = await served(t)
    const own = buildWheel({ name: 'filelock', version: '1.0+own' })
    await eachPip(t, async (pip) => {
      const desk = indexDesk({ environment: { prefixes: ['own'] } })
      await desk.context.bucket.put(`own/${own.file}`, bytesOf(own.bytes))
      await publish(desk.context, { prefixes: ['own'] })
      const http = createHttp({ clock: systemClock, random: Math.random, userAgent: 'test' })
      const handler = indexHandler(desk.context, { upstream: openUpstream(http, url) })
      const front = await listen({ port: 0, clock: systemClock, limits: { grace: 0 }, handler })
      t.after(async () => {
        await front.close()
        http.close()
      })
      log.length = 0
      const install = () => pip.install('--index-url', `${front.url}/own/`, 'torch')
      const folder = await install()
      assert.equal(await pip.say(folder, 'import torch, filelock; print(torch.__version__, filelock.__version__)'), '2.6.0+rocm7.0 1.0+own')
      await install()
      assert.equal(log.filter((line) => line.includes('torch-2.6.0+rocm7.0-py3-none-any.whl 200')).length, 1)
      assert.deepEqual(
        log.filter((line) => line.includes('filelock')),
        [],
      )
    })
  })
})
