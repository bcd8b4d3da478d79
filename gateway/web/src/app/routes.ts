// Every screen: its path, its chunk, and its place in the navigation.

import type { ComponentType } from "preact";
import { en } from "../strings/en.ts";

export interface ScreenRoute {
  path: string;
  title: string;
  load: () => Promise<{ default: ComponentType }>;
  inNavigation?: boolean;
  /** Shown without header and navigation, for people who were sent a link. */
  isAlone?: boolean;
}

const { titles } = en;

export const ROUTES: ScreenRoute[] = [
  { path: "/", title: titles.battle, load: () => import("../screens/battle/index.tsx"), inNavigation: true },
  {
    path: "/leaderboard",
    title: titles.leaderboard,
    load: () => import("../screens/leaderboard/index.tsx"),
    inNavigation: true,
  },
  { path: "/models/:id", title: titles.model, load: () => import("../screens/model/index.tsx") },
  {
    path: "/scenarios",
    title: titles.scenarios,
    load: () => import("../screens/scenarios/index.tsx"),
    inNavigation: true,
  },
  {
    path: "/analytics",
    title: titles.analytics,
    load: () => import("../screens/analytics/index.tsx"),
    inNavigation: true,
  },
  {
    path: "/playground",
    title: titles.playground,
    load: () => import("../screens/playground/index.tsx"),
    inNavigation: true,
  },
  { path: "/evaluations/:id", title: titles.evaluation, load: () => import("../screens/evaluation/index.tsx") },
  {
    path: "/experiments",
    title: titles.experiments,
    load: () => import("../screens/experiments/index.tsx"),
    inNavigation: true,
  },
  { path: "/experiments/:id", title: titles.experiments, load: () => import("../screens/experiments/index.tsx") },
  { path: "/listen", title: titles.listen, load: () => import("../screens/listen/index.tsx"), isAlone: true },
  { path: "/console", title: titles.console, load: () => import("../screens/console/index.tsx"), inNavigation: true },
];
