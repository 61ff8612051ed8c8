import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { runCli } from '../../src/cli/program.ts'
import { bytesOf, systemClock } from '../../src/kit/index.ts'
import { createS3Store, type ObjectStore } from '../../src/store/index.ts'
import { addRuns, assertSame, filesBelow } from '../fakes/run-desk.ts'
import { runServer, type RunServer } from '../fakes/run-server.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { fakeTerminal } from '../fakes/terminal.ts'
import { s3ForTests } from '../services/index.ts'

const scratch = scratchDirectory()

/** A training server whose folder somebody brings to a bucket, and a laptop that syncs from there. */
async function openLab(t: TestContext) {
  const server = await s3ForTests(t)
  if (server === undefined) return undefined
  const { endpoint, region, accessKeyId, secretAccessKey } = server
  const bucket = await server.newBucket()
  const store = createS3Store({ endpoint, region, accessKeyId, secretAccessKey, bucket, env: {} })
  t.after(() => store.close())
  const cwd = mkdtempSync(path.join(scratch, 's3-'))
  writeFileSync(path.join(cwd, 'holdfast.toml'), `[store.s3]\nendpoint = "${endpoint}"\nregion = "${region}"\npath_style = true\n`)
  const env = { HOME: cwd, NO_COLOR: '1', AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }
  const holdfast = async (line: string) => {
    const terminal = fakeTerminal({ cwd, env, clock: systemClock })
    const exit = await runCli([...line.split(' '), '--json'], terminal.host)
    assert.equal(exit, 0, terminal.err())
    return (JSON.parse(terminal.out()) as { result: Record<string, unknown> }).result
  }
  return { store, holdfast, url: `s3://${bucket}/experiments`, server: runServer(path.join(cwd, 'server')), folder: path.join(cwd, 'here') }
}

/** What is listed last says what is there, and so goes last. */
async function bring({ root }: RunServer, store: ObjectStore): Promise<void> {
  const files = filesBelow(root).toSorted((a, b) => Number(a.endsWith('root.json')) - Number(b.endsWith('root.json')))
  for (const file of files) await store.put(`experiments/${file}`, bytesOf(readFileSync(path.join(root, file))))
}

test('runs in a bucket come by pages like those on a server, and by a walk where nothing lists them', async (t) => {
  const lab = await openLab(t)
  if (lab === undefined) return
  const { server, store, holdfast, url } = lab
  const [first] = addRuns(server, 12)
  server.publish()
  await bring(server, store)
  assert.deepEqual(pick(await holdfast(`runs sync ${url} --to here`)), ['pages', 48, 0])
  assertSame(lab)
  assert.deepEqual(pick(await holdfast('runs sync --to here')), ['pages', 0, 0])
  server.append(`${first}/events.jsonl`, '{"step":1}\n')
  server.publish()
  await bring(server, store)
  assert.deepEqual(pick(await holdfast('runs sync --to here')), ['pages', 1, 1])
  assertSame(lab)
  for await (const { key } of store.list('experiments/.runicorn/')) await store.delete(key)
  server.append(`${first}/logs.txt`, 'one more\n')
  await store.put(`experiments/${first}/logs.txt`, bytesOf(server.read(`${first}/logs.txt`)))
  assert.equal((await holdfast('runs sync --to here'))['way'], 'walk')
  assertSame(lab)
})

function pick({ way, filesSynced, filesAppended }: Record<string, unknown>): unknown[] {
  return [way, filesSynced, filesAppended]
}
