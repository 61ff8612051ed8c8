import assert from 'node:assert/strict'
import { closeSync, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { findHolders, heldFault, isMappedForWriting } from './holders.ts'

const scratch = scratchDirectory()
let count = 0

/** A /proc as proc(5) describes it. */
function fakeProc(
  processes: Record<
    number,
    { comm: string; links: Record<string, string>; fds?: Record<number, readonly [string, string]>; maps?: string }
  >,
): string {
  const proc = path.join(scratch, `proc-${count++}`)
  for (const [pid, { comm, links, fds = {}, maps = '' }] of Object.entries(processes)) {
    for (const folder of ['fd', 'fdinfo']) mkdirSync(path.join(proc, pid, folder), { recursive: true })
    writeFileSync(path.join(proc, pid, 'comm'), `${comm}\n`)
    writeFileSync(path.join(proc, pid, 'maps'), maps)
    for (const [link, target] of Object.entries({ exe: `/usr/bin/${comm}`, cwd: '/', root: '/', ...links }))
      symlinkSync(target, path.join(proc, pid, link))
    for (const [fd, [target, flags]] of Object.entries(fds)) {
      symlinkSync(target, path.join(proc, pid, 'fd', fd))
      writeFileSync(path.join(proc, pid, 'fdinfo', fd), `pos:\t0\nflags:\t${flags}\n`)
    }
  }
  return proc
}

describe('who is in a directory', () => {
  test('is found by working directory, root, program, open and mapped files', () => {
    const proc = fakeProc({
      10: { comm: 'bash', links: { cwd: '/live/node-1' } },
      11: { comm: 'MainThread', links: { root: '/live', exe: '/usr/bin/node' } },
      12: { comm: 'tool', links: { exe: '/live/bin/tool' } },
      13: { comm: 'postgres', links: {}, fds: { 3: ['/live/db', '0100002'], 4: ['/live/log', '0100000'], 5: ['socket:[1]', '02'] } },
      14: {
        comm: 'reader',
        links: {},
        maps: '7f00-7f01 r--p 00000000 08:01 77 /usr/lib/x\n7f02-7f03 rw-s 00000000 08:01 78                 /live/with space\n',
      },
      15: { comm: 'other', links: { cwd: '/live-too' }, fds: { 3: ['/elsewhere/live/x', '02'] } },
    })
    const told = findHolders('/live', 1, proc).holders.map(
      ({ pid, command, how, file, writes }) => `${pid} ${command} ${how} ${file} ${writes}`,
    )
    assert.deepEqual(told, [
      '10 bash working-directory /live/node-1 false',
      '11 MainThread (node) root /live false',
      '12 tool program /live/bin/tool false',
      '13 postgres open-file /live/db true',
      '13 postgres open-file /live/log false',
      '14 reader mapped-file /live/with space true',
    ])
  })

  test('does not count the process that asks, and nobody where there is no /proc', () => {
    const proc = fakeProc({ 10: { comm: 'node', links: { cwd: '/live' } } })
    assert.deepEqual(findHolders('/live', 10, proc).holders, [])
    assert.deepEqual(findHolders('/live', 10, '/nowhere').holders, [])
  })

  test('does not count what has started this program with the same arguments and waits for it, and counts every other parent', () => {
    const bin = path.join(scratch, 'holdfast.cjs')
    writeFileSync(bin, '')
    const lines = [
      [['node', bin, 'env', 'restore'], 0],
      [['node', bin, 'env', 'create'], 1],
      [['node', `${bin}.other`, 'env', 'restore'], 1],
      [['bash'], 1],
    ] as const
    for (const [parent, count] of lines) {
      const proc = fakeProc({ 20: { comm: 'node', links: { cwd: '/live' } }, 21: { comm: 'node', links: { cwd: '/live' } } })
      writeFileSync(`${bin}.other`, '')
      writeFileSync(path.join(proc, '20/cmdline'), `${parent.join('\0')}\0`)
      writeFileSync(path.join(proc, '21/cmdline'), `/opt/node\0${bin}\0env\0restore\0`)
      writeFileSync(path.join(proc, '21/stat'), '21 (no de) x) S 20 21 21 0 -1')
      assert.equal(findHolders('/live', 21, proc).holders.length, count, parent.join(' '))
    }
  })

  test('and writes by way of memory is known apart', () => {
    const proc = fakeProc({
      10: { comm: 'a', links: {}, maps: '7f00-7f01 rw-p 00000000 08:01 77 /live/private\n7f02-7f03 r--s 00000000 08:01 78 /live/read\n' },
      11: { comm: 'b', links: {}, maps: '7f02-7f03 rw-s 00000000 08:01 78 /live-too/x\n' },
    })
    assert.equal(isMappedForWriting('/live', 1, proc), false)
    assert.equal(isMappedForWriting('/live-too', 1, proc), true)
    assert.equal(isMappedForWriting('/live-too', 11, proc), false)
  })

  test('is told in bounds', () => {
    const processes = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [index + 100, { comm: 'many', links: { cwd: '/live' } }]))
    const found = findHolders('/live', 1, fakeProc(processes))
    assert.deepEqual([found.holders.length, found.isCut], [50, true])
    const { message, code } = heldFault('stage', found, 'stop them')
    assert.deepEqual([code, message.split('\n').length, message.split('\n').at(-1)], ['busy', 12, '  and more'])
  })

  test('is found in the real one, where this process has a file open', () => {
    const file = path.join(scratch, 'here')
    const fd = openSync(file, 'a')
    assert.deepEqual(findHolders(scratch, 1).holders, [
      { pid: process.pid, command: 'MainThread (node)', how: 'open-file', file, writes: true },
    ])
    closeSync(fd)
  })
})
