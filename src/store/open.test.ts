import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { bytesOf, collect, type Fault, type FaultCode, isFault, systemClock } from '../kit/index.ts'
import { createMeter, openStore, parseStoreUrl } from './index.ts'

const cwd = await mkdtemp(path.join(tmpdir(), 'holdfast-open-'))
after(() => rm(cwd, { recursive: true }))
const options = { cwd, clock: systemClock, random: () => 0.5 }

test('the URLs of the configuration mean what they say', () => {
  const at = '/home/ann'
  assert.deepEqual(parseStoreUrl('file:./.holdfast/store', at), { scheme: 'file', root: '/home/ann/.holdfast/store' })
  assert.deepEqual(parseStoreUrl('file:../store/', at), { scheme: 'file', root: '/home/store' })
  assert.deepEqual(parseStoreUrl('file:///srv/a%20b%25', at), { scheme: 'file', root: '/srv/a b%' })
  assert.deepEqual(parseStoreUrl('file:/srv/store', at), { scheme: 'file', root: '/srv/store' })
  assert.deepEqual(parseStoreUrl('s3://bucket', at), { scheme: 's3', bucket: 'bucket', prefix: '' })
  assert.deepEqual(parseStoreUrl('s3://bucket/', at), { scheme: 's3', bucket: 'bucket', prefix: '' })
  assert.deepEqual(parseStoreUrl('S3://rcclx-prebuilt-artifacts/tree/x', at), {
    scheme: 's3',
    bucket: 'rcclx-prebuilt-artifacts',
    prefix: 'tree/x/',
  })
  assert.deepEqual(parseStoreUrl('sftp://ann@host:2222/data', at), { scheme: 'sftp', user: 'ann', host: 'host', port: 2222, path: '/data' })
  assert.deepEqual(parseStoreUrl('sftp://host/data', at), { scheme: 'sftp', host: 'host', path: '/data' })
  assert.deepEqual(parseStoreUrl('memory:', at), { scheme: 'memory', name: '' })
  assert.deepEqual(parseStoreUrl('memory:name', at), { scheme: 'memory', name: 'name' })
})

test('anything else is invalid, and the hint shows what to write', () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['', /file:/],
    ['./store', /write file:\.\/store$/],
    ['/srv/store', /write file:\/srv\/store$/],
    ['store', /write file:\.\/store$/],
    ['C:\\store', /write file:C:\\store$/],
    ['s4://bucket', /s3:\/\/bucket/],
    ['https://host/bucket', /s3:\/\/bucket/],
    ['file://host/share', /file:\/\/\/host\/share/],
    ['file:', /file:\.\/folder/],
    ['file:./100%', /%25/],
    ['s3:bucket', /s3:\/\/bucket/],
    ['s3://b', /s3:\/\/bucket/],
    ['s3://bucket/a//b', /empty parts/],
    ['s3://bucket/../x', /\.\./],
    ['s3://bucket?region=x', /\[store\.s3\]/],
    ['sftp://ann:password@host/data', /password does not belong/],
    ['sftp://-oProxyCommand=true/data', /sftp:\/\/user@host/],
    ['sftp://-l@host/data', /sftp:\/\/user@host/],
    ['sftp://$(true)@host/data', /sftp:\/\/user@host/],
    ['sftp://host;true/data', /sftp:\/\/user@host/],
    ['sftp://host:70000/data', /sftp:\/\/user@host/],
    ['sftp://host', /sftp:\/\/user@host/],
    ['memory:a/b', /^undefined$/],
  ]
  for (const [url, hint] of refused) {
    assert.throws(
      () => parseStoreUrl(url, '/'),
      (error: Fault) => isFault(error, 'invalid') && hint.test(String(error.hint)),
      url,
    )
  }
})

test('what stands before an @ is not shown', () => {
  for (const url of ['s3://AKIA123:verysecret@bucket/x', 'sftp://ann:verysecret@host/data', 'sftp://ann:verysecret@host?']) {
    assert.throws(
      () => parseStoreUrl(url, '/'),
      (error: Fault) => !`${error.message}${error.hint}`.includes('verysecret'),
    )
  }
})

test('a folder is opened below the working directory, and what it does is counted', async () => {
  const meter = createMeter()
  const store = await openStore('file:./store', { ...options, meter })
  await store.put('a/b', bytesOf('content'))
  assert.equal(await readFile(path.join(cwd, 'store/a/b'), 'utf8'), 'content')
  await collect(await store.get('a/b'), 100)
  await store.near!.copyFrom(store.near!.address('a/b'), 'a/c')
  assert.deepEqual(await Array.fromAsync(store.list('a/'), ({ key }) => key), ['a/b', 'a/c'])
  await store.delete('a/b')
  await store.head('a/b')
  assert.deepEqual(meter.snapshot(), {
    operations: { head: 1, get: 1, put: 1, delete: 1, list: 1, copy: 1 },
    bytes: { read: 7, written: 7, copied: 7 },
    requests: {},
    roundTrips: 0,
  })
})

test('stores in memory share nothing unless they are named', async () => {
  const [one, two] = [await openStore('memory:', options), await openStore('memory:', options)]
  await one.put('x', bytesOf(''))
  assert.equal(await two.head('x'), undefined)
  const [three, four] = [await openStore('memory:shared', options), await openStore('memory:shared', options)]
  await three.put('x', bytesOf(''))
  assert.notEqual(await four.head('x'), undefined)
})

test('a store opened for reading only refuses to be changed', async () => {
  const name = 'memory:read-only'
  await (await openStore(name, options)).put('x', bytesOf('x'))
  const store = await openStore(name, { ...options, readOnly: true })
  const refused = async (code: FaultCode, work: Promise<unknown>) => await assert.rejects(work, (error) => isFault(error, code))
  await refused('denied', store.put('x', bytesOf('y')))
  await refused('denied', store.delete('x'))
  await refused('denied', store.near!.copyFrom(store.near!.address('x'), 'y'))
  await refused('invalid', store.delete('../x'))
  assert.equal(Buffer.from(await collect(await store.get('x'), 10)).toString(), 'x')
})

test('a store on a server asks nothing of it before the first verb, and cannot say yet whether it puts conditionally', async () => {
  const store = await openStore('sftp://ann@host:2222/data/', options)
  assert.equal(store.name, 'sftp://ann@host:2222/data')
  assert.equal(store.can.conditionalPut, 'unproven')
  await store.close()
})
