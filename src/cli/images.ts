import type { Command } from 'commander'
import type { Cli } from './command.ts'

/** `holdfast images …`: container images, from the builds of a workflow to a registry, and between registries. */
export function addImagesCommands(images: Command, _cli: Cli): void {
  images.commandsGroup('From GitHub to the registry:')
  images.commandsGroup('Step by step:')
  images.commandsGroup('Any images:')
}
