import { type Command, Option } from 'commander'
import { type Digest, Fault } from '../../kit/index.ts'
import { deleteByDigest, deleteTag, findNamers, formatImageName, type ImageName, type Registry } from '../../oci/index.ts'
import { agree } from '../agree.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { reachOptions, type ReachFlags, registriesOf, registryNameFrom } from './registries.ts'

interface DeleteFlags extends ReachFlags {
  readonly byDigest?: boolean
}

export function addDeleteCommand(images: Command, cli: Cli): void {
  cli.add<DeleteFlags>(images, {
    name: 'delete',
    summary: 'Delete a tag, or an image by its digest with every tag that names it; asks first',
    more: 'A registry that deletes by digest only is told, and so is what else would go then. What an index needs is not deleted. Nothing to delete exits with 3.',
    args: [['<image>', 'host/path:tag or host/path@digest']],
    options: [new Option('--by-digest', 'delete the image that the tag names, with every other tag of it'), ...reachOptions()],
    writes: true,
    asks: true,
    examples: [
      ['holdfast images delete registry.example.com/app:1.2', 'this tag'],
      ['holdfast images delete registry.example.com/app:1.2 --by-digest --dry-run', 'which tags would go with it'],
    ],
    run: remove,
  })
}

async function remove(call: Call<DeleteFlags>): Promise<Outcome> {
  const { options, signal } = call
  const name = registryNameFrom(call, call.args[0]!)
  const { registry: host, repository, tag } = name
  const reference = name.digest ?? tag
  if (reference === undefined)
    throw new Fault('invalid', `neither a tag nor a digest: ${formatImageName(name)}`, { hint: 'say which image is meant' })
  const registry = await (await registriesOf(call, [host]))(host)
  const head = await registry.headManifest(repository, reference, { signal })
  if (head === undefined) throw new Fault('nothing-to-do', `there is no ${formatImageName(name)}: nothing was deleted`)
  if (name.digest !== undefined || options.byDigest === true) return await removeDigest(call, registry, name, head.digest)
  if (options.dryRun !== true) {
    await agree(call, 'WARNING: this deletes a tag', [`${formatImageName(name)}, which is ${head.digest}`])
    await deleteTag(registry, repository, tag!, head.digest, { signal })
  }
  return outcomeOf(call, name, head.digest, [tag!], [])
}

async function removeDigest(call: Call<DeleteFlags>, registry: Registry, name: ImageName, digest: Digest): Promise<Outcome> {
  const { options, signal } = call
  const namers = await findNamers(registry, name.repository, digest, { signal })
  if (options.dryRun !== true) {
    const named = namers.tags.length === 0 ? ['No tag names it.'] : ['With it go these tags:', ...namers.tags]
    await agree(call, 'WARNING: this deletes an image', [digest, ...named])
    await deleteByDigest(registry, name.repository, digest, namers, { signal })
  }
  return outcomeOf(call, name, digest, namers.tags, namers.digestTags, namers.within)
}

function outcomeOf(
  { options }: Call<object>,
  name: ImageName,
  digest: Digest,
  tags: readonly string[],
  left: readonly string[],
  within: readonly string[] = [],
): Outcome {
  const isDry = options.dryRun === true
  const lines = [
    `${isDry ? 'would delete' : 'deleted'} ${tags.length === 0 ? digest : `${tags.join(', ')} (${digest})`}`,
    ...(within.length === 0 ? [] : [`it is a part of ${within.join(', ')}, and so would not be deleted`]),
    ...(left.length === 0 ? [] : [`what was made for it stays: ${left.join(', ')}`]),
  ]
  return {
    result: { image: formatImageName(name), digest, tags, within, left, ...(isDry ? { dryRun: true } : {}) },
    text: printable(lines.join('\n')),
  }
}
