import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { describe, test } from 'node:test'
import { loadConfig } from '../../src/config/index.ts'
import { scratchDirectory } from '../fakes/scratch.ts'

const root = path.resolve(import.meta.dirname, '../..')
const folder = path.join(root, 'deploy/oci')
const scratch = scratchDirectory()
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }

/** `FROM x` and its like, with their continued lines. */
const steps = readFileSync(path.join(folder, 'Containerfile'), 'utf8')
  .replaceAll('\\\n', '')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line): readonly [instruction: string, rest: string] => [line.split(' ', 1)[0]!, line.slice(line.indexOf(' ') + 1)])
const of = (wanted: string) => steps.flatMap(([instruction, rest]) => (instruction === wanted ? [rest] : []))

describe('the recipe of the image', () => {
  test('stands on bases that whoever builds it may name, and that are of one major version by default', () => {
    assert.deepEqual(of('FROM'), ['${NODE} AS package', '${BASE}'])
    const given = Object.fromEntries(of('ARG').map((each) => each.split('=')))
    assert.match(given['NODE'] as string, /^docker\.io\/library\/node:24-(\w+)-slim$/)
    assert.equal(/-(\w+)-/.exec(given['NODE'] as string)![1], /:(\w+)-/.exec(of('ARG')[1]!)![1], 'the same Debian')
    assert.equal(given['VERSION'], version)
  })

  test('installs what the lock file says, and runs no scripts of packages', () => {
    const [install] = of('RUN')
    assert.match(install!, /^npm ci --omit=dev --omit=peer --ignore-scripts /)
    assert.deepEqual(of('ADD'), [])
  })

  test('runs as somebody who is not root, named by number, with its state in volumes', () => {
    assert.deepEqual(of('USER'), ['10001:10001'])
    const [last] = steps.filter(([instruction]) => /^(USER|RUN|COPY)$/.test(instruction)).slice(-1)
    assert.equal(last![0], 'USER', 'nothing is done as root after it, and nothing is made by its own user')
    assert.deepEqual(JSON.parse(of('VOLUME')[0]!), ['/var/lib/holdfast', '/var/cache/holdfast'])
  })

  test('names what it copies in the list of what is handed to the builder', () => {
    const listed = readFileSync(path.join(folder, 'Containerfile.dockerignore'), 'utf8').match(/^!.*$/gm)!
    const copied = of('COPY').filter((rest) => !rest.startsWith('--from'))
    assert.deepEqual(copied.flatMap((rest) => rest.split(' ').slice(0, -1)).toSorted(), listed.map((line) => line.slice(1)).toSorted())
  })

  test('has labels of the OCI image specification alone', () => {
    const keys = [...of('LABEL')[0]!.matchAll(/([\w.]+)=/g)].map(([, key]) => key!)
    assert.ok(keys.length >= 7)
    for (const key of keys)
      assert.match(key, /^org\.opencontainers\.image\.(title|description|licenses|version|revision|source|base\.name)$/)
  })

  test('has a configuration that is right, with its store in the volume', async () => {
    const { store } = await loadConfig({ cwd: folder, env: {} })
    assert.equal(store.url, 'file:///var/lib/holdfast/store')
  })
})

describe('the health check', () => {
  const check = async (url: string, ...words: readonly string[]) => {
    const cmdline = path.join(mkdtempSync(path.join(scratch, 'process-')), 'cmdline')
    writeFileSync(cmdline, words.join('\0'))
    const child = spawn(process.execPath, [path.join(folder, 'healthcheck.mjs')], {
      env: { HEALTHCHECK_URL: url, HEALTHCHECK_CMDLINE: cmdline },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    const [status] = (await once(child, 'close')) as [number]
    return { status, said }
  }

  test('of a server is what it says of itself', async () => {
    let answer = 200
    const server = createServer((_request, response) => response.writeHead(answer).end())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/healthz`
    assert.deepEqual(await check(url, 'node', '/usr/local/bin/holdfast', 'serve'), { status: 0, said: '' })
    answer = 503
    assert.deepEqual(await check(url, 'node', '/usr/local/bin/holdfast', 'serve'), { status: 1, said: `${url} answers 503\n` })
    server.close()
    await once(server, 'close')
    assert.match((await check(url, 'node', '/usr/local/bin/holdfast', 'serve')).said, /ECONNREFUSED/)
  })

  test('of a daemon is that it is there', async () => {
    assert.equal((await check('http://127.0.0.1:1/', 'node', '/usr/local/bin/holdfast', 'daemon')).status, 0)
  })
})
