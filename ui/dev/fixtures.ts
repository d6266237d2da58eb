/** One answer of each kind. */
export * from "./fabric";
export * from "./fleet";
export * from "./others";
