import { Alert, Button } from "@chakra-ui/react";
import { Component, type ReactNode } from "react";

interface State {
  error: Error | null;
}

/** A fault of one page leaves Airflow and our navigation usable, and says what to report. */
export class Boundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <Alert.Root status="error">
        <Alert.Indicator />
        <Alert.Content>
          <Alert.Title>This page has a fault</Alert.Title>
          <Alert.Description>
            {error.message}
            <Button size="xs" variant="outline" ms={3} onClick={() => this.setState({ error: null })}>
              Try again
            </Button>
          </Alert.Description>
        </Alert.Content>
      </Alert.Root>
    );
  }
}
