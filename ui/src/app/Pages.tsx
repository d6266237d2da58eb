import { useLocation } from "react-router-dom";
import { FabricPage } from "@/fabric/FabricPage";
import { FleetPage } from "@/fleet/FleetPage";
import { FreezesPage } from "@/freezes/FreezesPage";
import { ObjectPage } from "@/object/ObjectPage";
import { DeadLettersPage } from "@/other/DeadLettersPage";
import { HealthPage } from "@/other/HealthPage";
import { InboxPage } from "@/other/InboxPage";
import { ProblemsPage } from "@/other/ProblemsPage";
import { PullRequestsPage } from "@/other/PullRequestsPage";
import { RulePage } from "@/other/RulePage";
import { ValidatePage } from "@/other/ValidatePage";
import { ProposalPage } from "@/proposals/ProposalPage";
import { ProposalsPage } from "@/proposals/ProposalsPage";
import { NewRolloutPage } from "@/rollouts/NewRolloutPage";
import { RolloutPage } from "@/rollouts/RolloutPage";
import { RolloutsPage } from "@/rollouts/RolloutsPage";
import { addresses } from "@/shared/addresses";
import { Inside } from "@/shared/links";
import { Nothing } from "@/shared/states";
import { routeOf } from "./routes";

export function Pages() {
  const route = routeOf(useLocation().pathname);
  switch (route.page) {
    case "fleet":
      return <FleetPage />;
    case "fabric":
      return <FabricPage key={route.fabric} name={route.fabric} tab={route.tab} />;
    case "object":
      return <ObjectPage key={`${route.fabric} ${route.kind} ${route.namespace} ${route.name}`} path={route} />;
    case "problems":
      return <ProblemsPage />;
    case "proposals":
      return <ProposalsPage />;
    case "proposal":
      return <ProposalPage key={route.proposal} id={route.proposal} />;
    case "rollouts":
      return <RolloutsPage />;
    case "rollout":
      return <RolloutPage key={route.rollout} name={route.rollout} />;
    case "new-rollout":
      return <NewRolloutPage />;
    case "freezes":
      return <FreezesPage />;
    case "pull-requests":
      return <PullRequestsPage />;
    case "inbox":
      return <InboxPage />;
    case "dead-letters":
      return <DeadLettersPage />;
    case "health":
      return <HealthPage />;
    case "validate":
      return <ValidatePage />;
    case "rule":
      return <RulePage id={route.rule} />;
    case "unknown":
      return (
        <Nothing title="There is no such page">
          <Inside to={addresses.fleet}>To the fleet</Inside>
        </Nothing>
      );
  }
}
