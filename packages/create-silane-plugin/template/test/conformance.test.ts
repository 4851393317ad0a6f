import { pluginConformance } from '@silane/testkit'
import plugin from '../src/index.ts'

pluginConformance(plugin, { root: new URL('..', import.meta.url) })
