import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, promises as fs, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import { makeDirectories, makeDirectoriesSync } from './make-directories.ts'

const base = mkdtempSync(path.join(tmpdir(), 'holdfast-directories-'))
after(() => rmSync(base, { recursive: true }))

const ways = [
  ['in their time', makeDirectories],
  ['at once', async (directory: string, options?: { mode: number }) => makeDirectoriesSync(directory, options)],
] as const

for (const [how, make] of ways) {
  describe(`directories made ${how}`, () => {
    const at = (...parts: string[]) => path.join(base, how, ...parts)
    const failsWith = async (code: string, directory: string) => await assert.rejects(make(directory), { code })

    it('are there with those above them, and stay as they are where they were there', async () => {
      await make(at('a/b/c'), { mode: 0o700 })
      await make(at('a/b/c'))
      for (const name of ['a', 'a/b', 'a/b/c']) assert.equal(statSync(at(name)).mode & 0o777, 0o700)
    })

    it('may be reached by a link', async () => {
      await make(at('real'))
      symlinkSync('real', at('link'))
      await make(at('link'))
      await make(at('link/below'))
      assert.ok(existsSync(at('real/below')))
    })

    it('are not where something else is, at the end or above it', async () => {
      await make(at('other'))
      writeFileSync(at('other/file'), '')
      symlinkSync('nowhere', at('other/dangling'))
      await failsWith('EEXIST', at('other/file'))
      await failsWith('ENOTDIR', at('other/file/below'))
      await failsWith('EEXIST', at('other/dangling'))
    })

    it(
      'are not where the system has no room for them, and that is told, not tried for ever',
      { skip: !existsSync('/proc/self') },
      async () => {
        await failsWith('ENOENT', '/proc/holdfast')
        await failsWith('ENOENT', '/proc/holdfast/below')
      },
    )
  })
}

describe('a directory that others remove as soon as it is made', () => {
  const diskWhereGone = (times: number) => {
    let left = times
    return {
      mkdir: (async (...call: Parameters<typeof fs.mkdir>) => {
        if (left-- > 0) throw Object.assign(new Error('there, and gone'), { code: 'EEXIST' })
        return await fs.mkdir(...call)
      }) as typeof fs.mkdir,
      stat: fs.stat,
    }
  }

  it('is made anew', async () => {
    await makeDirectories(path.join(base, 'gone/x'), { disk: diskWhereGone(5) })
    assert.ok(existsSync(path.join(base, 'gone/x')))
  })

  it('is not for ever', async () => {
    await assert.rejects(makeDirectories(path.join(base, 'never'), { disk: diskWhereGone(Infinity) }), { code: 'EEXIST' })
  })
})
