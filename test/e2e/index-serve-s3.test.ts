import assert from 'node:assert/strict'
import { request as ask, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { test } from 'node:test'
import { digestOf, hexOf, systemClock } from '../../src/kit/index.ts'
import { createHttp } from '../../src/kit/http/index.ts'
import { checkIndex, indexHandler, publish } from '../../src/python-index/index.ts'
import { listen } from '../../src/server/index.ts'
import { createMeter, createS3Store } from '../../src/store/index.ts'
import { buildWheel } from '../fakes/distributions.ts'
import { indexDesk } from '../fakes/index-desk.ts'
import { s3ForTests } from '../services/index.ts'

const prefix = 'v2/gfx94X-dcgpu'
const torch = buildWheel({ name: 'torch', version: '2.6.0+rocm7.0', size: 20 << 20 })
const numpy = buildWheel({ name: 'numpy', version: '2.1.3' })

test('an index in a bucket of a real S3 server is served: as checks want it, a request for each file, and nothing held by clients that went away', async (t) => {
  const server = await s3ForTests(t)
  if (server === undefined) return
  const meter = createMeter()
  const { endpoint, region, accessKeyId, secretAccessKey } = server
  const open = async () => {
    const store = createS3Store({ endpoint, region, accessKeyId, secretAccessKey, bucket: await server.newBucket(), env: {}, meter })
    t.after(() => store.close())
    return store
  }
  const desk = indexDesk({ environment: { prefixes: [prefix] }, store: await open(), bucket: await open(), random: Math.random })
  await desk.upload(prefix, torch, numpy)
  await publish(desk.context, { prefixes: [prefix] })
  const handler = indexHandler({ ...desk.context, clock: systemClock }, { freshFor: 60_000 })
  const listening = await listen({ handler, port: 0, clock: systemClock, limits: { grace: 0 } })
  const http = createHttp({ clock: systemClock, random: Math.random, userAgent: 'test' })
  t.after(async () => {
    http.close()
    await listening.close()
  })
  const index = `${listening.url}/${prefix}/`
  const file = `${index}${encodeURIComponent(torch.file)}`

  const { findings, files } = await checkIndex({ url: index, http }, { deep: true })
  assert.deepEqual([findings, files], [[], 2])
  // Whoever uploaded these gave them no Cache-Control.
  const inBucket = await checkIndex({ bucket: desk.bucket, prefix }, { deep: true })
  assert.deepEqual(
    inBucket.findings.map(({ severity, what }) => `${severity}: ${what}`),
    Array(2).fill('warning: caches ask for this file again though it never changes: Cache-Control: (none)'),
  )

  const spentOn = async (url: string, headers: Record<string, string> = {}, method = 'GET') => {
    const before = meter.snapshot().requests
    const response = await fetch(url, { headers, method })
    const bytes = new Uint8Array(await response.arrayBuffer())
    const now = meter.snapshot().requests
    return {
      status: response.status,
      bytes,
      spent: Object.entries(now).flatMap(([kind, count]) => Array<string>(count - (before[kind] ?? 0)).fill(kind)),
    }
  }
  const whole = await spentOn(file)
  assert.deepEqual([whole.status, digestOf(whole.bytes), whole.spent], [200, torch.digest, ['GetObject']])
  const tail = await spentOn(file, { range: 'bytes=-1000' })
  assert.deepEqual([tail.status, Buffer.from(tail.bytes).equals(torch.bytes.subarray(-1000)), tail.spent], [206, true, ['GetObject']])
  assert.deepEqual((await spentOn(file, {}, 'HEAD')).spent, ['HeadObject'])
  assert.deepEqual((await spentOn(file, { 'if-none-match': `"${hexOf(torch.digest)}"` })).spent, [])
  assert.deepEqual((await spentOn(`${index}torch/`)).spent, [])

  // More than the connections that a client of S3 has.
  for (let turn = 0; turn < 80; turn++) {
    const response = await new Promise<IncomingMessage>((resolve) => ask(file, { agent: false }, resolve).end())
    await once(response, 'readable')
    response.destroy()
  }
  assert.equal(digestOf((await spentOn(file)).bytes), torch.digest)
})
