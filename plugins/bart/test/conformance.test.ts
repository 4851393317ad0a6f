import { pluginConformance } from '@silane/testkit'
import bart from '../src/index.ts'

pluginConformance(bart, { root: new URL('..', import.meta.url) })
