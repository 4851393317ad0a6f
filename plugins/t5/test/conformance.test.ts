import { pluginConformance } from '@silane/testkit'
import t5 from '../src/index.ts'

pluginConformance(t5, { root: new URL('..', import.meta.url) })
