import { pluginConformance } from '@silane/testkit'
import realm from '../src/index.ts'

pluginConformance(realm, { root: new URL('..', import.meta.url) })
