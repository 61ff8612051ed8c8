import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { spoilt } from '../../../test/fakes/github/trouble.ts'
import {
  imageDesk,
  type ImageDesk,
  type ImageDeskOptions,
  madeFamilies,
  runScene,
  runTag,
  tarballOf,
} from '../../../test/fakes/image-desk.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { digestOf, silent } from '../../kit/index.ts'
import { clean, planClean } from './clean.ts'
import { downloadTag } from './download.ts'
import { downloadFolder } from './folder.ts'
import { prepareTag } from './prepare.ts'

const scratch = scratchDirectory()

async function withDesk(
  work: (desk: ImageDesk & { readonly downloadsDir: string; readonly folder: string }) => Promise<void>,
  options: Partial<ImageDeskOptions> = {},
) {
  const folder = mkdtempSync(path.join(scratch, 'desk-'))
  const desk = await imageDesk({ folder, ...options })
  const downloadsDir = path.join(folder, 'downloads')
  try {
    await work({ ...desk, downloadsDir, folder: path.join(downloadsDir, runTag) })
  } finally {
    await desk.close()
  }
}

const names = (folder: string) => readdirSync(folder).toSorted()
const json = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
const tarballs = madeFamilies.map((family) => `${family}-${runTag}.tar.gz`)

describe('download', () => {
  test('keeps the archive as GitHub has it, and beside it what its run says', async () => {
    await withDesk(async ({ context, downloadsDir, folder, github }) => {
      const { record, fetched, unchanged } = await downloadTag(context, { tag: runTag, downloadsDir })
      assert.deepEqual(names(folder), ['metadata.json', `${runTag}.zip`])
      const archive = readFileSync(path.join(folder, `${runTag}.zip`))
      assert.deepEqual([record.archive.digest, fetched, unchanged], [digestOf(archive), archive.byteLength, false])
      const written = json(path.join(folder, 'metadata.json'))
      assert.equal(written['Image tag'], runTag)
      assert.equal(written['run_id'], github.runs[0]!.id)
      assert.equal(written['artifact_zip'], path.join(folder, `${runTag}.zip`))
      assert.deepEqual(Object.keys(written), Object.keys(written).toSorted())
    })
  })

  test('of what is there already fetches nothing, without a look at the artifact', async () => {
    await withDesk(async ({ context, downloadsDir, github }) => {
      await downloadTag(context, { tag: runTag, downloadsDir })
      const before = github.requests.length
      const { unchanged } = await downloadTag(context, { tag: runTag, downloadsDir })
      assert.equal(unchanged, true)
      assert.equal(github.requests.length - before, 1, 'the list of runs')
    })
  })

  test('fetches anew what was cut off since', async () => {
    await withDesk(async ({ context, downloadsDir, folder }) => {
      const { record } = await downloadTag(context, { tag: runTag, downloadsDir })
      truncateSync(path.join(folder, `${runTag}.zip`), 100)
      await downloadTag(context, { tag: runTag, downloadsDir })
      assert.equal(digestOf(readFileSync(path.join(folder, `${runTag}.zip`))), record.archive.digest)
    })
  })

  test('takes the newest of several runs and names the others; what was downloaded of an older one stays without --force', async () => {
    await withDesk(async ({ context, downloadsDir, github, notes }) => {
      await downloadTag(context, { tag: runTag, downloadsDir })
      const { id } = github.add(runScene(runTag, { salt: 'built again' }))
      await assert.rejects(downloadTag(context, { tag: runTag, downloadsDir }), { code: 'already-exists', hint: /--force/ })
      const { record } = await downloadTag(context, { tag: runTag, downloadsDir, force: true })
      assert.equal(record.run.id, id)
      assert.match(notes.join('\n'), new RegExp(`the newest of 2 runs is taken, .*${id}; not .*${github.runs[0]!.id}`))
    })
  })

  test('of bytes that are not those that GitHub names puts nothing in place', async () => {
    await withDesk(async ({ context, downloadsDir, folder, github }) => {
      github.trouble(spoilt({ flips: true }, { match: /artifacts/, times: Infinity }))
      await assert.rejects(downloadTag(context, { tag: runTag, downloadsDir }), { code: 'corrupt' })
      assert.ok(!existsSync(path.join(folder, 'metadata.json')) && !existsSync(path.join(folder, `${runTag}.zip`)))
    })
  })

  test('of an artifact without a digest compares the length, and remembers what came', async () => {
    const { artifacts, ...scene } = runScene()
    const [artifact] = artifacts!
    await withDesk(
      async ({ context, downloadsDir }) => {
        const { record } = await downloadTag(context, { tag: runTag, downloadsDir })
        assert.equal(record.archive.digest, artifact!.digest)
        assert.equal(record.artifact.digest, undefined)
      },
      { runs: [{ ...scene, artifacts: [{ name: artifact!.name!, content: artifact!.content }] }] },
    )
  })

  test('says what to do where no run has the tag, or its artifact has expired, or it has none', async () => {
    const [artifact] = runScene().artifacts!
    const none = 'presto-1-velox-2-linux-arm64'
    const expired = 'presto-3-velox-4-linux-amd64'
    const runs = [
      { tag: expired, artifacts: [{ ...artifact!, isExpired: true }] },
      { tag: none, artifacts: [] },
    ]
    await withDesk(
      async ({ context, downloadsDir }) => {
        const fails = (tag: string, message: RegExp, hint: RegExp) =>
          assert.rejects(downloadTag(context, { tag, downloadsDir }), { code: 'not-found', message, hint })
        await fails(runTag, /no successful run has the image tag/, /gh-list/)
        await fails(expired, /has expired/, /build it again/)
        await fails(none, /no artifact/, /build it again/)
        await assert.rejects(downloadTag(context, { tag: '../../etc-linux-amd64', downloadsDir }), { code: 'invalid' })
        assert.ok(!existsSync(downloadsDir), 'nothing was made')
      },
      { runs },
    )
  })

  test('of several artifacts takes the one that has the images, and refuses to guess between two', async () => {
    const scene = runScene()
    const [artifact] = scene.artifacts!
    const logs = runScene('presto-0-velox-0-linux-amd64').artifacts![0]!
    const runs = [
      {
        ...scene,
        artifacts: [
          { ...logs, name: 'others' },
          { ...artifact!, name: 'images' },
        ],
      },
    ]
    await withDesk(
      async ({ context, downloadsDir, notes }) => {
        const { record } = await downloadTag(context, { tag: runTag, downloadsDir })
        assert.equal(record.artifact.name, 'images')
        assert.match(notes.join(), /images has the images/)
      },
      { runs },
    )
    const twins = [
      {
        ...scene,
        artifacts: [
          { ...artifact!, name: 'one' },
          { ...artifact!, name: 'two' },
        ],
      },
    ]
    await withDesk(
      async ({ context, downloadsDir }) => {
        await assert.rejects(downloadTag(context, { tag: runTag, downloadsDir }), { code: 'corrupt', message: /2 of 2 artifacts/ })
      },
      { runs: twins },
    )
  })
})

describe('prepare', () => {
  test('unpacks every tarball and says where each goes', async () => {
    await withDesk(async ({ context, downloadsDir, folder }) => {
      await downloadTag(context, { tag: runTag, downloadsDir })
      const { plan, extras } = await prepareTag(context, { tag: runTag, downloadsDir })
      assert.deepEqual(names(folder), ['extracted', 'metadata.json', `${runTag}.zip`, 'upload-plan.json'])
      assert.deepEqual(names(path.join(folder, 'extracted')), tarballs)
      assert.deepEqual(extras, ['build-metadata.txt'])
      for (const [at, family] of madeFamilies.entries()) {
        assert.deepEqual(readFileSync(path.join(folder, 'extracted', tarballs[at]!)), tarballOf(family, runTag))
        assert.equal(plan.images[at]!.digest, digestOf(tarballOf(family, runTag)))
      }
      const written = json(path.join(folder, 'upload-plan.json')) as { artifacts: object[] }
      const content = tarballOf('presto-coordinator', runTag)
      assert.deepEqual(written.artifacts[0], {
        arch: 'x86',
        digest: digestOf(content),
        file: path.join(folder, 'extracted', tarballs[0]!),
        gitlab_tag: 'x86/presto-coordinator:presto-92865fbce0d2-velox-65797d572e0a',
        name: tarballs[0],
        platform: 'linux/amd64',
        repo: 'presto-coordinator',
        size: content.byteLength,
      })
      const { presto_ref: presto, velox_ref: velox, image_tag: tag, platform } = written as unknown as Record<string, string>
      assert.deepEqual([presto!.slice(0, 4), velox!.slice(0, 4), tag, platform], ['9286', '6579', runTag, 'linux/amd64'])
    })
  })

  test('has nothing to do the second time; --clean begins anew, and so does a file that is gone', async () => {
    await withDesk(async ({ context, downloadsDir, folder }) => {
      await downloadTag(context, { tag: runTag, downloadsDir })
      await prepareTag(context, { tag: runTag, downloadsDir })
      assert.equal((await prepareTag(context, { tag: runTag, downloadsDir })).unchanged, true)
      const file = path.join(folder, 'extracted', tarballs[1]!)
      writeFileSync(file, 'x'.repeat(readFileSync(file).byteLength))
      assert.equal((await prepareTag(context, { tag: runTag, downloadsDir })).unchanged, true, 'its size is all that is looked at')
      assert.equal((await prepareTag(context, { tag: runTag, downloadsDir, clean: true })).unchanged, false)
      assert.deepEqual(readFileSync(file), tarballOf(madeFamilies[1], runTag))
      rmSync(file)
      assert.equal((await prepareTag(context, { tag: runTag, downloadsDir })).unchanged, false)
      assert.ok(existsSync(file))
    })
  })

  test('after another run was downloaded replaces what the older one left', async () => {
    await withDesk(async ({ context, downloadsDir, folder, github }) => {
      await downloadTag(context, { tag: runTag, downloadsDir })
      await prepareTag(context, { tag: runTag, downloadsDir })
      github.add(runScene(runTag, { salt: 'built again' }))
      await downloadTag(context, { tag: runTag, downloadsDir, force: true })
      assert.equal((await prepareTag(context, { tag: runTag, downloadsDir })).unchanged, false)
      assert.deepEqual(readFileSync(path.join(folder, 'extracted', tarballs[0]!)), tarballOf(madeFamilies[0], 'built again'))
    })
  })

  test('without a download says what is missing first', async () => {
    await withDesk(async ({ context, downloadsDir }) => {
      await assert.rejects(prepareTag(context, { tag: runTag, downloadsDir }), {
        code: 'not-found',
        hint: `holdfast images download ${runTag}`,
      })
    })
  })

  test('names the tarballs that are missing, and plans nothing', async () => {
    const members = [{ name: tarballs[0]!, content: tarballOf(madeFamilies[0]) }]
    await withDesk(
      async ({ context, downloadsDir, folder }) => {
        await downloadTag(context, { tag: runTag, downloadsDir })
        await assert.rejects(prepareTag(context, { tag: runTag, downloadsDir }), {
          code: 'corrupt',
          message: `Missing expected tarballs: ${tarballs[1]}, ${tarballs[2]}`,
        })
        assert.ok(!existsSync(path.join(folder, 'upload-plan.json')))
      },
      { runs: [runScene(runTag, { members })] },
    )
  })

  test('of an archive whose names lead elsewhere unpacks nothing', async () => {
    const evil = madeFamilies.map((family) => ({ name: `../../${family}-${runTag}.tar.gz`, content: tarballOf(family) }))
    await withDesk(
      async ({ context, downloadsDir, folder }) => {
        await downloadTag(context, { tag: runTag, downloadsDir })
        await assert.rejects(prepareTag(context, { tag: runTag, downloadsDir }), { code: 'corrupt' })
        assert.deepEqual(names(downloadsDir), [runTag])
        assert.ok(!existsSync(path.join(folder, 'extracted')) || names(path.join(folder, 'extracted')).length === 0)
      },
      { runs: [runScene(runTag, { members: evil })] },
    )
  })

  test('does not follow a link that somebody put in place of its folder', async () => {
    await withDesk(async ({ context, downloadsDir, folder }) => {
      await downloadTag(context, { tag: runTag, downloadsDir })
      const elsewhere = mkdtempSync(path.join(scratch, 'elsewhere-'))
      symlinkSync(elsewhere, path.join(folder, 'extracted'))
      await assert.rejects(prepareTag(context, { tag: runTag, downloadsDir }), { code: 'invalid' })
      assert.deepEqual(names(elsewhere), [])
    })
  })
})

describe('clean', () => {
  test('removes what the steps wrote, and then the folder', async () => {
    await withDesk(async ({ context, settings, downloadsDir, folder }) => {
      await downloadTag(context, { tag: runTag, downloadsDir })
      await prepareTag(context, { tag: runTag, downloadsDir })
      const plan = await planClean(downloadFolder(settings, { downloadsDir }, runTag), silent)
      assert.equal(plan!.files.length, 6)
      await clean(plan!)
      assert.ok(!existsSync(folder))
      assert.equal(await planClean(downloadFolder(settings, { downloadsDir }, runTag), silent), undefined)
    })
  })

  test('leaves what somebody else put there, and says so', async () => {
    await withDesk(async ({ context, settings, downloadsDir, folder }) => {
      await downloadTag(context, { tag: runTag, downloadsDir })
      await prepareTag(context, { tag: runTag, downloadsDir })
      writeFileSync(path.join(folder, 'notes.txt'), 'mine')
      mkdirSync(path.join(folder, 'extracted/more'))
      const plan = await planClean(downloadFolder(settings, { downloadsDir }, runTag), silent)
      assert.deepEqual(plan!.left, [path.join(folder, 'extracted/more'), path.join(folder, 'notes.txt')])
      await clean(plan!)
      assert.deepEqual(names(folder), ['extracted', 'notes.txt'])
      assert.deepEqual(names(path.join(folder, 'extracted')), ['more'])
    })
  })

  test('of a damaged plan believes nothing', async () => {
    await withDesk(async ({ context, settings, downloadsDir, folder, notes }) => {
      await downloadTag(context, { tag: runTag, downloadsDir })
      writeFileSync(path.join(folder, 'upload-plan.json'), '{"artifacts":[{"name":"../../secret"}]}')
      writeFileSync(path.join(downloadsDir, 'secret'), 'mine')
      const plan = await planClean(downloadFolder(settings, { downloadsDir }, runTag), context.report)
      await clean(plan!)
      assert.ok(!existsSync(folder))
      assert.ok(existsSync(path.join(downloadsDir, 'secret')))
      assert.match(notes.join('\n'), /upload-plan\.json: .*it is removed, and what it lists is not/)
    })
  })
})
