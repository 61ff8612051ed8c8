import type { Command } from 'commander'
import { compareNames } from '../../kit/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { reachOptions, type ReachFlags, registriesOf, registryNameFrom } from './registries.ts'

export function addTagsCommand(images: Command, cli: Cli): void {
  cli.add<ReachFlags>(images, {
    name: 'tags',
    summary: 'List the tags of a repository, sorted',
    args: [['<repository>', 'host/path']],
    options: reachOptions(),
    examples: [
      ['holdfast images tags registry.example.com/app', 'all of them, however many pages they are'],
      ['holdfast images tags registry.example.com/app --json', 'for a script'],
    ],
    run: tags,
  })
}

async function tags(call: Call<ReachFlags>): Promise<Outcome> {
  const { registry: host, repository } = registryNameFrom(call, call.args[0]!)
  const registry = await (await registriesOf(call, [host]))(host)
  const found: string[] = []
  for await (const tag of registry.tags(repository, { signal: call.signal })) found.push(tag)
  // Two pages may both have a tag that was made between them.
  const sorted = [...new Set(found)].toSorted(compareNames)
  return { result: { registry: host, repository, tags: sorted }, text: sorted.join('\n') }
}
