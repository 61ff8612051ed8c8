import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { execFile } from 'node:child_process'
import { buildSdist, buildWheel } from '../../../test/fakes/distributions.ts'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { debianWheel, type FakeUpstream, type FakeUpstreamOptions, startFakeUpstream } from '../../../test/fakes/upstream.ts'
import { createHttp } from '../../kit/http/index.ts'
import { digestOf, explain, isFault } from '../../kit/index.ts'
import { openUpstream } from './upstream.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

const http = () => {
  const client = createHttp({ clock: hastyClock(0), random: () => 0.5, userAgent: 'holdfast/test' })
  open.push(client)
  return client
}

async function fake(options?: FakeUpstreamOptions): Promise<FakeUpstream> {
  const upstream = await startFakeUpstream(options)
  open.push(upstream)
  return upstream
}

const wheel = buildWheel({ name: 'Foo.Bar', version: '1.0' })
const sdist = buildSdist({ name: 'Foo.Bar', version: '0.9' })

describe('a project of an upstream', () => {
  for (const forms of ['json', 'html', 'both'] as const) {
    test(`is read from a server that speaks ${forms}, with all that its page says`, async () => {
      const server = await fake({ forms })
      server.add(wheel, { requiresPython: '>=3.9,<4', yanked: 'a & "b" <c>', uploaded: '2025-01-02T03:04:05.678901Z', provenance: '{}' })
      server.add(sdist, { yanked: '' })
      server.setStatus('foo-bar', 'archived', 'no longer kept')
      const project = await openUpstream(http(), server.url).project('foo_BAR')
      const { origin } = new URL(server.url)
      assert.deepEqual(project!.files, [
        {
          name: wheel.file,
          means: { kind: 'wheel', name: 'foo-bar', version: '1.0', pythons: ['py3'], abis: ['none'], platforms: ['any'] },
          url: `${origin}/files/${wheel.file}`,
          digest: wheel.digest,
          size: forms === 'html' ? undefined : wheel.bytes.byteLength,
          uploaded: forms === 'html' ? undefined : '2025-01-02T03:04:05.678Z',
          requiresPython: '>=3.9,<4',
          yanked: 'a & "b" <c>',
          metadata: wheel.metadataDigest,
          provenance: `${origin}/files/${wheel.file}.provenance`,
        },
        {
          name: sdist.file,
          means: { kind: 'sdist', name: 'foo-bar', version: '0.9' },
          url: `${origin}/files/${sdist.file}`,
          digest: sdist.digest,
          size: forms === 'html' ? undefined : sdist.bytes.byteLength,
          uploaded: undefined,
          requiresPython: undefined,
          yanked: '',
          metadata: sdist.metadataDigest,
          provenance: undefined,
        },
      ])
      assert.deepEqual([project!.name, project!.url, project!.dropped, project!.others], ['foo-bar', `${server.url}foo-bar/`, [], 0])
      assert.deepEqual(project!.status, { status: 'archived', reason: 'no longer kept' })
      assert.deepEqual(server.requests, ['GET /simple/foo-bar/'])
    })
  }

  test('that is not there is undefined; trouble is not absence', async () => {
    const server = await fake()
    assert.equal(await openUpstream(http(), server.url).project('nothing'), undefined)
    await server.close()
    await assert.rejects(openUpstream(http(), server.url).project('nothing'), (error) => isFault(error, 'unavailable'))
  })

  test('is asked for again only if it has changed', async () => {
    const server = await fake()
    server.add(wheel)
    const upstream = openUpstream(http(), server.url)
    const first = await upstream.project('foo-bar')
    assert.equal(await upstream.project('foo-bar'), first)
    server.add(sdist)
    assert.equal((await upstream.project('foo-bar'))!.files.length, 2)
    server.remove(wheel.file)
    server.remove(sdist.file)
    assert.equal(await upstream.project('foo-bar'), undefined)
    assert.equal(server.requests.length, 4)
  })

  test('of an index that wants credentials is read with those of its address, which are in no message', async () => {
    const server = await fake({ login: 'ann:hunter-two' })
    server.add(wheel)
    const upstream = openUpstream(http(), server.url.replace('//', '//ann:hunter-two@'))
    const { files } = (await upstream.project('foo-bar'))!
    assert.equal(digestOf(await upstream.read(files[0]!.url, 1 << 20)), wheel.digest)
    assert.equal(upstream.url, server.url)
    await assert.rejects(
      openUpstream(http(), server.url.replace('//', '//ann:wrong-one@')).project('foo-bar'),
      (error) => isFault(error, 'denied') && !explain(error).includes('wrong-one'),
    )
  })

  test('has the real wheels of a distribution', async (t) => {
    const folder = '/usr/share/python-wheels'
    let names: string[]
    try {
      names = readdirSync(folder).filter((name) => name.endsWith('.whl'))
    } catch {
      return t.skip('no wheels are here: apt-get install -y python3-pip-whl')
    }
    const server = await fake()
    for (const name of names) server.add(debianWheel(name))
    for (const name of names) {
      const upstream = openUpstream(http(), server.url)
      const { files } = (await upstream.project(name.split('-')[0]!))!
      assert.equal(digestOf(await upstream.read(files[0]!.url, 64 << 20)), digestOf(readFileSync(path.join(folder, name))))
    }
  })
})

describe('an upstream', () => {
  test('is at an http or https address', () => {
    for (const address of ['file:///srv/simple', 'simple', 's3://bucket/x', ''])
      assert.throws(
        () => openUpstream(http(), address),
        (error) => isFault(error, 'invalid') && error.hint!.includes('simple index'),
      )
  })

  test('that answers with something else than a page is told apart from one without the project', async () => {
    const server = await fake()
    server.setPage('foo-bar', 'application/pdf', 'x')
    await assert.rejects(
      openUpstream(http(), server.url).project('foo-bar'),
      (error) => isFault(error, 'corrupt') && /type "application\/pdf", which no index has/.test(error.message),
    )
  })

  test('whose page says that it is of another project is corrupt', async () => {
    const server = await fake()
    server.setPage('foo-bar', 'application/vnd.pypi.simple.v1+json', '{"meta":{"api-version":"1.0"},"name":"evil","files":[]}')
    await assert.rejects(
      openUpstream(http(), server.url).project('foo-bar'),
      (error) => isFault(error, 'corrupt') && error.message === 'the page of foo-bar says that it is of "evil"',
    )
  })

  test('of a base that is no web address is corrupt', async () => {
    const server = await fake()
    server.setPage('foo-bar', 'text/html', '<base href="javascript:x"><a href="foo_bar-1.0-py3-none-any.whl">x</a>')
    await assert.rejects(openUpstream(http(), server.url).project('foo-bar'), (error) => isFault(error, 'corrupt'))
  })
})

describe('the upstream of the tests', () => {
  const scratch = scratchDirectory()
  for (const forms of ['json', 'html'] as const) {
    test(`is one that pip downloads from, in ${forms}`, async (t) => {
      if (spawnSync('python3', ['-m', 'pip', '--version']).status !== 0) return t.skip('no pip is here: apt-get install -y python3-pip')
      const server = await fake({ forms })
      server.add(wheel, { requiresPython: '>=3.6' })
      server.add(buildWheel({ name: 'Foo.Bar', version: '2.0' }), { yanked: 'broken' })
      server.add(buildWheel({ name: 'user-of', version: '1', requires: ['foo-bar>=1'] }))
      const to = path.join(scratch, forms)
      const args = ['-m', 'pip', 'download', '--isolated', '--disable-pip-version-check', '--no-cache-dir', '--index-url', server.url]
      const env = { ...process.env, PIP_CONFIG_FILE: '/dev/null' }
      await promisify(execFile)('python3', [...args, '-d', to, 'user-of'], { env })
      assert.deepEqual(readdirSync(to).toSorted(), [wheel.file, 'user_of-1-py3-none-any.whl'].toSorted())
      assert.equal(digestOf(readFileSync(path.join(to, wheel.file))), wheel.digest)
    })
  }
})
