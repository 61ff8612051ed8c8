import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { hasEnded, ownerName } from './owner.ts'

describe('the name of an owner', () => {
  it('is another each time, and never that of an ended process while it runs', async () => {
    const [a, b] = [await ownerName(), await ownerName()]
    assert.notEqual(a, b)
    assert.equal(await hasEnded(a), false)
  })

  it('is known to have ended when its process has, also where its number is in use again', async () => {
    const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' })
    const { pid } = child
    await once(child, 'exit')
    const [host] = (await ownerName()).split('-')
    assert.equal(await hasEnded(`${host}-${pid}-12345-00000000`), true)
    assert.equal(await hasEnded(`${host}-${process.pid}-1-00000000`), true, 'this number, another start')
  })

  it('of another machine, or of no such form, is left alone', async () => {
    for (const name of ['00000000-1-1-00000000', '', 'backup', '../..', `${'f'.repeat(8)}-0-1-00000000`]) {
      assert.equal(await hasEnded(name), false, name)
    }
  })
})
