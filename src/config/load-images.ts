import type { ImagesFlags, ImagesVariables } from './images-settings.ts'
import type { Config } from './load.ts'
import type { ImagesSettings } from '../images/index.ts'

/** `[images]` with its defaults and flags. Loaded when it is asked for: what images need is much, and most commands have nothing to do with them. */
export async function imagesSettings(
  config: Pick<Config, 'images' | 'file' | 'root'>,
  flags?: ImagesFlags,
  variables?: ImagesVariables,
): Promise<ImagesSettings> {
  const settings = await import('./images-settings.ts')
  return settings.imagesSettings(config, flags, variables)
}
