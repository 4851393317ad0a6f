import { pluginConformance } from '@silane/testkit'
import retro from '../src/index.ts'

pluginConformance(retro, { root: new URL('..', import.meta.url) })
