import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { isFault } from '../kit/index.ts'
import { readSources } from './sources.ts'

const isInstalled = (program: string) => spawnSync(program, ['--version']).status === 0
const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', HGRCPATH: '/dev/null' }

let root: string
before(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'holdfast-sources-'))
})
after(() => rm(root, { recursive: true }))

function must(cwd: string, program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: 'utf8' })
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stderr}`)
  return stdout.trim()
}

async function repository(name: string): Promise<string> {
  const folder = path.join(root, name)
  await mkdir(folder, { recursive: true })
  must(folder, 'git', 'init', '-q')
  await writeFile(path.join(folder, 'a.c'), 'int a;\n')
  must(folder, 'git', 'add', '-A')
  must(folder, 'git', '-c', 'user.name=t', '-c', 'user.email=t@example.invalid', 'commit', '-q', '-m', 'first')
  return folder
}

describe('the commit of a source', () => {
  it('is read from git, with whether the work tree differs', async () => {
    const folder = await repository('clean')
    const commit = must(folder, 'git', 'rev-parse', 'HEAD')
    assert.deepEqual(await readSources({ lib: folder }, { env }), { lib: { system: 'git', commit, dirty: false } })
    await writeFile(path.join(folder, 'a.c'), 'int b;\n')
    assert.equal((await readSources({ lib: folder }, { env }))['lib']?.dirty, true)
  })

  it('counts an untracked file as a difference, but not what releases write themselves', async () => {
    const folder = await repository('own')
    const ownFolder = path.join(folder, 'snapshots')
    await mkdir(path.join(ownFolder, 'stable'), { recursive: true })
    await writeFile(path.join(ownFolder, 'stable', 'metadata.txt'), 'x')
    const store = path.join(folder, '.holdfast', 'store')
    await mkdir(store, { recursive: true })
    await writeFile(path.join(store, 'holdfast.json'), 'x')
    assert.equal((await readSources({ lib: folder }, { env, ownFolders: [ownFolder, store] }))['lib']?.dirty, false)
    assert.equal((await readSources({ lib: folder }, { env }))['lib']?.dirty, true)
    await writeFile(path.join(folder, 'new.c'), 'x')
    assert.equal((await readSources({ lib: folder }, { env, ownFolders: [ownFolder, store] }))['lib']?.dirty, true)
  })

  it('is that of the innermost repository, seen from a folder below its root', async () => {
    const outer = await repository('outer')
    const inner = await repository('outer/vendor/inner')
    await mkdir(path.join(inner, 'src'))
    const found = await readSources({ outer, inner: path.join(inner, 'src') }, { env })
    assert.equal(found['inner']?.commit, must(inner, 'git', 'rev-parse', 'HEAD'))
    assert.equal(found['outer']?.commit, must(outer, 'git', 'rev-parse', 'HEAD'))
  })

  it('is never made up: no repository, no commit and no folder are errors that name the source', async () => {
    await assert.rejects(readSources({ lib: os.tmpdir() }, { env }), (error) => isFault(error, 'invalid') && error.message.includes('lib'))
    const empty = path.join(root, 'empty')
    await mkdir(empty)
    must(empty, 'git', 'init', '-q')
    await assert.rejects(readSources({ lib: empty }, { env }), (error) => isFault(error, 'invalid') && /no commit/.test(error.message))
    await assert.rejects(readSources({ lib: path.join(root, 'nowhere') }, { env }), (error) => isFault(error, 'invalid'))
  })

  it(
    'is read from Mercurial where that is installed',
    { skip: isInstalled('hg') ? false : 'hg is not installed: apt-get install mercurial' },
    async () => {
      const folder = path.join(root, 'hg')
      await mkdir(folder)
      must(folder, 'hg', 'init')
      await writeFile(path.join(folder, 'a.c'), 'int a;\n')
      must(folder, 'hg', 'add', 'a.c')
      must(folder, 'hg', 'commit', '-u', 't', '-m', 'first')
      const found = await readSources({ lib: folder }, { env })
      assert.equal(found['lib']?.system, 'hg')
      assert.equal(found['lib']?.commit, must(folder, 'hg', 'log', '-r', '.', '-T', '{node}'))
      await writeFile(path.join(folder, 'b.c'), 'x')
      assert.equal((await readSources({ lib: folder }, { env }))['lib']?.dirty, true)
      assert.equal((await readSources({ lib: folder }, { env, ownFolders: [path.join(folder, 'b.c')] }))['lib']?.dirty, false)
    },
  )
})
