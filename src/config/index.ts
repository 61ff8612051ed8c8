/**
 * What the user writes: holdfast.toml, HOLDFAST_* variables and flags, checked by one schema.
 *
 * Promises: every problem of a file is told at once, with file, line, key, what was expected and the nearest valid key;
 * each value can say where it came from; paths and file: URLs come out absolute.
 * Never does: opens a store, reads the environment by itself, or holds a credential.
 */
export { imagesSettings } from './load-images.ts'
export { loadConfig, type Config, type ConfigOverride, type ConfigQuery } from './load.ts'
export { configKeys, type ConfigKey } from './keys.ts'
export { configSchema } from './schema.ts'
export { configTemplate } from './template.ts'
export { variableOf } from './variables.ts'
export type { EnvironmentConfig } from './environment-settings.ts'
export { environmentNamed, type Environments, environmentsOf, noneConfigured } from './environments.ts'
export { usualMoving } from './images-schema.ts'
export type { ImagesFlags } from './images-settings.ts'
export { indexEnvironment, indexEnvironmentNames } from './index-settings.ts'
export type { ReleaseConfig, S3Config, StoreConfig } from './settings.ts'
