/** One answer of each kind. */
export * from "./fabric";
export * from "./fleet";
export * from "./freezes";
export * from "./history";
export * from "./others";
export * from "./rollouts";
