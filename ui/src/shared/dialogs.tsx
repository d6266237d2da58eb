import { createContext, type ReactNode, useContext, useState } from "react";

const OpenDialog = createContext<(dialog: ReactNode) => void>(() => undefined);

/** Shows a dialog above the page; null closes it. */
export const useOpenDialog = () => useContext(OpenDialog);

/** Keeps the open dialog: the button that opened it may vanish, because what it did is done. */
export function Dialogs({ children }: { children: ReactNode }) {
  const [dialog, setDialog] = useState<ReactNode>(null);
  return (
    <OpenDialog.Provider value={setDialog}>
      {children}
      {dialog}
    </OpenDialog.Provider>
  );
}
