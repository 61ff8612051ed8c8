import assert from 'node:assert/strict'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { byteText } from '../../kit/index.ts'
import { holdInner, holdTop, letGo, realSys } from '../../kit/sys/index.ts'
import { startFlushing } from './flushing.ts'

test('what a restore has changed is flushed once for each file system', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-flushing-'))
  mkdirSync(path.join(folder, 'inner'))
  const top = holdTop(byteText(folder))
  const inner = holdInner(top, byteText('inner'))
  const flushed: number[] = []
  const flushing = startFlushing({ whyMissing: () => undefined, flushFileSystem: (fd) => void flushed.push(fd) })
  try {
    flushing.begin(top)
    flushing.begin(inner)
    flushing.changed(inner.fd)
    assert.deepEqual(flushed, [])
    flushing.end()
    assert.equal(flushed.length, 1)
    assert.ok(flushed[0] !== top.fd, 'the directory may be let go of before')
  } finally {
    flushing.close()
    flushing.close()
    ;[inner, top].forEach(letGo)
    rmSync(folder, { recursive: true })
  }
})

test('where the system cannot flush a file system, each file is flushed', () => {
  const flushing = startFlushing({ whyMissing: () => 'not here', flushFileSystem: () => assert.fail('it cannot') })
  const fd = openSync(tmpdir(), 'r')
  flushing.changed(fd)
  closeSync(fd)
  assert.throws(() => flushing.changed(fd), /EBADF/)
  flushing.end()
})

test('the file system of an open directory can be flushed', { skip: realSys.whyMissing() }, () => {
  const fd = openSync(tmpdir(), 'r')
  realSys.flushFileSystem(fd)
  closeSync(fd)
  assert.throws(() => realSys.flushFileSystem(fd), /not open/)
})
